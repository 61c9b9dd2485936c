"""Mutants of the broker's side: what is acknowledged, published and told, and when."""

from tests.mutants.mutant import Edit, Mutant

GATHERING = "tasks/gathering.py"
PUBLISHING = "tasks/publishing.py"
RELAY = "tasks/relay.py"
STRATEGY = "tasks/strategy.py"
NOTIFIERS = "tasks/notifiers.py"
GATHERED = "tests/tasks/test_gathering.py"
SETTLED = "tests/tasks/test_settling.py"
ENVELOPES = "tests/tasks/test_strategy.py"
PUBLISHED = "tests/tasks/test_publishing.py"
RELAYED = "tests/tasks/test_relay.py"
ACKNOWLEDGED = "tests/tasks/test_acknowledging.py"

MUTANTS = (
    # Acknowledging.
    Mutant(
        name="ack-before-commit",
        breaks="messages are acknowledged before their batch is committed",
        promise="§1 killed at any instruction",
        test=f"{SETTLED}::test_a_message_is_acknowledged_only_once_its_outcome_is_stored",
        edits=(
            Edit(
                GATHERING,
                "            posted = _store(batch)\n",
                "            self.consumer.call_soon(self._settle, batch)\n            posted = _store(batch)\n",
            ),
        ),
    ),
    Mutant(
        name="ack-despite-a-defect",
        breaks="messages of a batch that failed are acknowledged",
        promise="§1 can't be carried out",
        test=f"{SETTLED}::test_messages_of_a_batch_that_could_not_be_carried_out_go_back_to_the_broker",
        edits=(Edit(GATHERING, "call_soon(self._acknowledger.give_back,", "call_soon(self._acknowledger.settle,"),),
    ),
    Mutant(
        name="ack-despite-trouble",
        breaks="messages are acknowledged though the worker stopped before they were stored",
        promise="§1 database away",
        test=f"{SETTLED}::test_a_worker_that_stops_while_the_database_is_away_acknowledges_nothing",
        edits=(
            Edit(
                GATHERING,
                "        except Trouble:\n",
                "        except Trouble:\n            self.consumer.call_soon(self._settle, batch)\n",
            ),
        ),
    ),
    Mutant(
        name="malformed-is-lost",
        breaks="malformed messages are acknowledged without being stored",
        promise="§1 can't be carried out",
        test=f"{SETTLED}::test_a_malformed_message_is_stored_before_it_is_acknowledged",
        edits=(Edit(GATHERING, "    store_parked(parked)\n", ""),),
    ),
    Mutant(
        name="acks-beyond-the-unsettled",
        breaks="one frame acknowledges messages that nobody has carried out yet",
        promise="§1 killed at any instruction",
        test=f"{ACKNOWLEDGED}::test_a_message_that_is_not_settled_yet_is_not_covered_by_those_behind_it",
        edits=(
            Edit(
                "tasks/acknowledging.py",
                "acknowledged or id(first) in settled)",
                "acknowledged or settled)",
            ),
        ),
    ),
    Mutant(
        name="old-tags-after-a-reconnect",
        breaks="tags of a connection that is gone are acknowledged",
        promise="§1 killed at any instruction",
        test=f"{ACKNOWLEDGED}::test_nothing_is_acknowledged_on_a_closed_channel",
        edits=(Edit("tasks/acknowledging.py", "and not channel.is_open", "and False"),),
    ),
    Mutant(
        name="keeps-its-buffer",
        breaks="after a lost connection what it had brought is posted beside what comes again",
        promise="§1 broker away",
        test=f"{SETTLED}::test_what_is_buffered_is_dropped_with_its_connection",
        edits=(Edit(GATHERING, "            self._buffer.clear()\n", "            pass\n"),),
    ),
    Mutant(
        name="suspects-in-company",
        breaks="a message that has come back again and again is posted with others",
        promise="§1 dead-lettered",
        test=f"{GATHERED}::test_a_message_that_the_broker_gave_up_on_is_posted_alone",
        edits=(Edit("tasks/deliveries.py", "            return 1\n", "            return None\n"),),
    ),
    Mutant(
        name="batch-without-a-bound",
        breaks="one batch takes whatever has arrived",
        promise="§1 Commands",
        test=f"{GATHERED}::test_a_batch_is_bounded_in_requests_and_not_in_messages",
        edits=(Edit(GATHERING, "(size + len(following.requests) > self.max_batch or", "(False or"),),
    ),
    Mutant(
        name="suspects-for-ever",
        breaks="what kills the worker takes as many others with it each time",
        promise="§1 worker killed",
        test=f"{GATHERED}::test_the_oftener_a_message_came_back_the_smaller_is_its_batch",
        edits=(Edit("tasks/deliveries.py", "FIRST_HALF >> times - 1", "FIRST_HALF"),),
    ),
    Mutant(
        name="runs-what-comes-again",
        breaks="a task that waited while its connection was lost is run beside its repeat",
        promise="§1 broker away",
        test=f"{SETTLED}::test_a_task_that_waited_while_its_connection_was_lost_is_not_run",
        edits=(Edit("tasks/base.py", 'if is_gone(self.request.get("arrived_on")):', "if False:"),),
    ),
    # Reading.
    Mutant(
        name="eta-ignored",
        breaks="a message whose result is waited for is carried out ahead of its eta",
        promise="§1 eta",
        test=f"{ENVELOPES}::test_an_eta_is_waited_for_whatever_else_the_message_carries",
        edits=(Edit(STRATEGY, "return self._kept(due_at) if due_at else None", "return None"),),
    ),
    Mutant(
        name="expired-is-applied",
        breaks="a message is applied though it has expired",
        promise="§1 expires",
        test=f"{ENVELOPES}::test_what_has_expired_is_refused_whatever_else_the_message_carries",
        edits=(Edit(STRATEGY, "if expires is not None and expires < now:", "if False:"),),
    ),
    Mutant(
        name="one-bad-item-refuses-all",
        breaks="a bad item of consume_many has the others refused with it",
        promise="§1 consume_many",
        test="tests/tasks/test_eager.py::test_consume_many_tells_of_each_item",
        edits=(
            Edit(
                "tasks/reading.py",
                "        return to_park(refusal, message=alone()",
                "        raise\n        return to_park(refusal, message=alone()",
            ),
        ),
    ),
    Mutant(
        name="takes-text-for-integers",
        breaks='"5" and 5.0 are taken for 5',
        promise="§1 What a command may contain",
        test="tests/ledger/test_commands.py::test_integers_are_strict",
        edits=(
            Edit(
                "ledger/commands.py",
                'strict=True, extra="forbid", frozen=True)\n\n    task: ClassVar[str]\n',
                'strict=False, extra="forbid", frozen=True)\n\n    task: ClassVar[str]\n',
            ),
        ),
    ),
    Mutant(
        name="takes-reserved-types",
        breaks="a producer may use the service's own reference types",
        promise="§1 What a command may contain",
        test="tests/ledger/test_commands_generic.py::test_a_reserved_reference_type_is_refused",
        edits=(Edit("ledger/fields.py", "if reference_type in RESERVED_REFERENCE_TYPES:", "if False:"),),
    ),
    Mutant(
        name="chokes-on-the-malformed",
        breaks="a message that Celery chokes on ends the worker",
        promise="§1 can't be carried out",
        test="tests/tasks/test_door.py::test_a_message_that_celery_chokes_on_is_parked",
        edits=(
            Edit(
                "tasks/door.py",
                "self.park(message, ParkReason.NOT_A_TASK, field=_field_of(error)",
                "raise\n                self.park(message, ParkReason.NOT_A_TASK, field=_field_of(error)",
            ),
        ),
    ),
    Mutant(
        name="parks-what-the-connection-did",
        breaks="a message is parked for the connection's sake",
        promise="§1 broker away",
        test="tests/tasks/test_door.py::test_an_error_of_the_connection_is_no_messages_fault",
        edits=(Edit("tasks/door.py", "except of_the_connection:", "except ():"),),
    ),
    Mutant(
        name="event-under-another-key",
        breaks="an event is taken for another than its routing key says",
        promise="§2 Events",
        test="tests/tasks/test_inbound.py::test_an_event_that_is_not_what_it_says_is_parked_by_the_name_of_its_field",
        edits=(Edit("tasks/inbound.py", "if routing_key in EVENTS and envelope", "if False and envelope"),),
    ),
    Mutant(
        name="expired-dead-letter-is-applied",
        breaks="what expired in its queue is applied after all",
        promise="§1 expires",
        test="tests/tasks/test_dead_letters.py::test_a_dead_letter_is_tried_or_parked",
        edits=(Edit("tasks/steps.py", 'if reason == "expired":', "if False:"),),
    ),
    Mutant(
        name="dead-letter-for-ever",
        breaks="a message that kills its worker comes back for ever",
        promise="§1 dead-lettered",
        test="tests/tasks/test_dead_letters.py::test_a_dead_letter_is_tried_or_parked",
        edits=(Edit("tasks/steps.py", "elif redeliveries(message) >= TIMES_TRIED_ALONE:", "elif False:"),),
    ),
    # The broker's side of it.
    Mutant(
        name="acks-early",
        breaks="Celery acknowledges tasks before they are carried out",
        promise="§1 killed at any instruction",
        test="tests/creditsvc/test_celeryconfig.py::"
        "test_a_message_is_acknowledged_late_and_comes_back_when_its_worker_is_lost",
        edits=(Edit("celeryconfig.py", "task_acks_late = True", "task_acks_late = False"),),
    ),
    Mutant(
        name="full-queues-drop",
        breaks="a queue that is full drops its oldest messages",
        promise="§1 Commands",
        test="tests/creditsvc/test_celeryconfig.py::"
        "test_a_queue_is_replicated_refuses_when_full_and_dead_letters_at_least_once",
        edits=(
            Edit(
                "celeryconfig.py",
                '"reject-publish",\n    "x-dead-letter-exchange"',
                '"drop-head",\n    "x-dead-letter-exchange"',
            ),
        ),
    ),
    # Publishing.
    Mutant(
        name="not-mandatory",
        breaks="a follow-up task whose queue is missing is lost without a word",
        promise="§3 follow-up tasks",
        test=f"{PUBLISHED}::test_a_message_that_must_arrive_is_not_confirmed_where_its_queue_is_missing",
        edits=(Edit(PUBLISHING, "mandatory=True", "mandatory=False"),),
        servers=True,
    ),
    Mutant(
        name="returned-is-fine",
        breaks="a follow-up task that the broker returned counts as published",
        promise="§3 follow-up tasks",
        test=f"{PUBLISHED}::test_a_message_that_must_arrive_is_not_confirmed_where_its_queue_is_missing",
        edits=(Edit(PUBLISHING, "elif message.must_arrive:", "elif False:"),),
        servers=True,
    ),
    Mutant(
        name="no-waiting-for-confirms",
        breaks="what was written to the socket counts as published",
        promise="§3 confirmed",
        test=f"{PUBLISHED}::test_a_message_that_the_broker_refuses_is_not_confirmed",
        edits=(
            Edit(
                PUBLISHING,
                "        self._await_confirms()\n",
                "        self._published.confirmed.update(message.id for message in messages)\n"
                "        self._waiting.clear()\n",
            ),
        ),
        servers=True,
    ),
    Mutant(
        name="keeps-a-connection-that-failed",
        breaks="after a time-out a late confirm is taken for a later message's",
        promise="§3 confirmed",
        test=f"{RELAYED}::test_a_publisher_that_failed_is_never_used_again",
        edits=(Edit(RELAY, 'self._drop()\n            log.warning("rows', 'log.warning("rows'),),
    ),
    Mutant(
        name="marked-before-the-confirm",
        breaks="outbox rows are marked as published before the broker has them",
        promise="§3 At least once",
        test=f"{RELAYED}::test_a_row_is_marked_only_once_the_broker_has_it",
        edits=(
            Edit(
                RELAY,
                "        published = self._published(rows)\n",
                "        mark_published([row.id for row in rows])\n        published = self._published(rows)\n",
            ),
        ),
    ),
    Mutant(
        name="marks-what-failed",
        breaks="rows that the broker did not confirm are marked with the others",
        promise="§3 At least once",
        test=f"{RELAYED}::test_a_row_is_marked_only_once_the_broker_has_it",
        edits=(Edit(RELAY, "mark_published(published.confirmed,", "mark_published([row.id for row in rows],"),),
    ),
    Mutant(
        name="one-row-fails-all",
        breaks="one row that can't be made into a message holds up all others",
        promise="§3 At least once",
        test=f"{RELAYED}::test_a_row_that_can_not_be_published_at_all_holds_up_no_other",
        edits=(Edit(RELAY, "if len(rows) == 1 or not isinstance(error, OF_ONE_MESSAGE):", "if True:"),),
    ),
    # Notifiers.
    Mutant(
        name="webhook-unsigned",
        breaks="a webhook's body is not signed with the secret",
        promise="§3 webhook",
        test="tests/tasks/test_webhook.py::test_a_webhook_is_signed_with_the_secret_over_time_and_body",
        edits=(Edit(NOTIFIERS, "secret = settings.NOTIFY_WEBHOOK_SECRET.encode()", 'secret = b"webhook"'),),
    ),
    Mutant(
        name="webhook-followed",
        breaks="a webhook that leads elsewhere is followed",
        promise="§3 webhook",
        test="tests/tasks/test_webhook.py::test_a_webhook_that_leads_elsewhere_has_failed_and_is_not_followed",
        edits=(Edit(NOTIFIERS, "build_opener(_NotFollowed)", "build_opener()"),),
    ),
    Mutant(
        name="webhook-tried-for-ever",
        breaks="a notifier that always fails is never parked",
        promise="§3 bounded retries",
        test="tests/tasks/test_webhook.py::test_after_five_attempts_a_notifier_is_parked",
        edits=(Edit(NOTIFIERS, "if attempt >= MAX_ATTEMPTS:", "if False:"),),
    ),
)
