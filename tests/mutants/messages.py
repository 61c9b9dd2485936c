"""Mutants of taking messages in: how they are read, what is in one batch, and when they are acknowledged."""

from tests.mutants.mutant import Edit, Mutant

GATHERING = "tasks/gathering.py"
STRATEGY = "tasks/strategy.py"
GATHERED = "tests/tasks/test_gathering.py"
SHUTDOWN = "tests/tasks/test_shutdown.py"
SETTLED = "tests/tasks/test_settling.py"
ENVELOPES = "tests/tasks/test_strategy.py"
ACKNOWLEDGED = "tests/tasks/test_acknowledging.py"

MUTANTS = (
    # Acknowledging.
    Mutant(
        name="ack-before-commit",
        breaks="messages are acknowledged before their batch is committed",
        promise="§1 killed at any instruction",
        test=f"{SETTLED}::test_a_message_is_acknowledged_only_once_its_outcome_is_stored",
        edits=(
            Edit(GATHERING, "posted = _store(batch)", "posted = self._settle(batch) or _store(batch)"),
            Edit(GATHERING, "            self.consumer.call_soon(self._settle, batch)\n", "            pass\n"),
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
                "acknowledged or tag in settled)",
                "acknowledged or settled)",
            ),
        ),
    ),
    Mutant(
        name="acks-wait-for-ever",
        breaks="what is committed behind a message that is not stays unacknowledged though nothing follows",
        promise="§1 acknowledged once it is decided",
        test=f"{SETTLED}::test_what_an_unsettled_message_stands_before_is_acknowledged_once_nothing_follows",
        edits=(Edit(GATHERING, "is_last = not self._buffer or stopping.is_set()", "is_last = stopping.is_set()"),),
    ),
    Mutant(
        name="a-signal-waits-for-a-lock",
        breaks="a worker told to stop twice at once waits for ever for a lock that it holds itself",
        promise="operations: ends in ten seconds",
        test=f"{SHUTDOWN}::test_a_signal_in_the_midst_of_another_holds_nothing_up",
        edits=(Edit("tasks/shutdown.py", "stopping = Flag()", "stopping = Event()"),),
    ),
    Mutant(
        name="answers-for-ever",
        breaks="a worker that is answering when the broker goes away does nothing else until it is back",
        promise="operations: ends in ten seconds",
        test="tests/tasks/test_control.py::test_an_answer_is_not_tried_for_as_long_as_the_broker_is_away",
        edits=(Edit("tasks/control.py", "**options, retry_policy=TWICE", "**options"),),
        servers=True,
    ),
    Mutant(
        name="acks-lost-in-a-stop",
        breaks="what a stopping worker has committed comes again, for its acknowledgement was waiting",
        promise="§1 acknowledged once it is decided",
        test=f"{SETTLED}::test_a_worker_that_stops_leaves_nothing_committed_unacknowledged",
        edits=(Edit(GATHERING, "is_last = not self._buffer or stopping.is_set()", "is_last = not self._buffer"),),
    ),
    Mutant(
        name="acks-wait-too-long",
        breaks="what is committed behind slow messages is repeated whenever the broker's consumer_timeout is reached",
        promise="§1 acknowledged once it is decided",
        test=f"{ACKNOWLEDGED}::test_what_may_wait_waits_only_so_long",
        edits=(Edit("tasks/acknowledging.py", "if at_once or now - longest > LONGEST_WAIT_S:", "if at_once:"),),
    ),
    Mutant(
        name="acks-forgotten-in-a-stop",
        breaks="what was committed and waits for its acknowledgement comes again after every warm stop",
        promise="§1 acknowledged once it is decided",
        test=f"{ACKNOWLEDGED}::test_before_its_connection_is_closed_what_may_wait_is_acknowledged",
        edits=(
            Edit(
                "tasks/acknowledging.py",
                "            self.settle([])\n        self._arrived.clear()\n",
                "            pass\n        self._arrived.clear()\n",
            ),
        ),
    ),
    Mutant(
        name="ends-with-its-connection",
        breaks="a worker whose connection is lost again while it is being made anew ends",
        promise="§1 broker away",
        test="tests/tasks/test_door.py::test_a_connection_lost_while_kombu_publishes_is_made_anew_and_does_not_end_the_worker",
        edits=(Edit("tasks/door.py", "(*self.connection_errors, OperationalError)", "self.connection_errors"),),
    ),
    Mutant(
        name="reads-whatever-there-is",
        breaks="a backlog of consume_many fills the worker's memory as far as its prefetch window reaches",
        promise="§1 no message lost",
        test=f"{GATHERED}::test_nothing_more_is_read_while_there_are_more_requests_than_enough",
        edits=(Edit(GATHERING, "return self._requests > ENOUGH_REQUESTS or", "return"),),
    ),
    Mutant(
        name="one-worker-takes-all",
        breaks="a backlog of consume_many is one worker's, and the others stand by",
        promise="decision 15",
        test="tests/e2e/test_bursts.py::test_a_backlog_of_large_messages_is_shared_out_between_workers",
        edits=(Edit("celeryconfig.py", "worker_prefetch_multiplier = 16", "worker_prefetch_multiplier = 8_000"),),
        servers=True,
    ),
    Mutant(
        name="the-broker-never-hears-of-the-window",
        breaks="a worker goes on with sixteen messages ahead, however small they are",
        promise="decision 15",
        test="tests/e2e/test_bursts.py::test_a_worker_takes_few_messages_ahead_at_first_and_many_once_they_are_small",
        edits=(Edit("tasks/window.py", "            tasks.cancel()\n            tasks.consume()\n", ""),),
        servers=True,
    ),
    Mutant(
        name="forgets-the-other-share",
        breaks="messages of the share whose turn it is not are dropped from the buffer",
        promise="§1 no message lost",
        test=f"{GATHERED}::test_within_a_share_messages_stay_in_the_order_in_which_they_arrived",
        edits=(Edit(GATHERING, "        self._buffer.extendleft(reversed(others))\n", ""),),
    ),
    Mutant(
        name="acks-with-the-first-part",
        breaks="a consume_many is acknowledged with the first of its parts",
        promise="§1 no message lost",
        test=f"{SETTLED}::test_a_message_in_two_parts_is_acknowledged_only_with_the_last",
        edits=(Edit("tasks/deliveries.py", "return not self.parts.left\n", "return True\n"),),
    ),
    Mutant(
        name="gives-back-twice",
        breaks="a consume_many of which both parts could not be carried out ends the worker as it is given back again",
        promise="§1 no message lost",
        test=f"{SETTLED}::test_a_message_of_which_a_part_could_not_be_carried_out_goes_back_once",
        edits=(Edit("tasks/acknowledging.py", " or message.acknowledged:", ":"),),
    ),
    Mutant(
        name="splits-suspects",
        breaks="a consume_many that came back again and again is posted in parts, with others",
        promise="§1 dead-lettered",
        test=f"{GATHERED}::test_a_suspect_of_both_shares_is_carried_out_whole",
        edits=(Edit("tasks/deliveries.py", " or self.largest_batch:", ":"),),
    ),
    Mutant(
        name="old-tags-after-a-reconnect",
        breaks="tags of a connection that is gone are acknowledged",
        promise="§1 killed at any instruction",
        test=f"{ACKNOWLEDGED}::test_nothing_is_acknowledged_on_a_closed_channel",
        edits=(Edit("tasks/acknowledging.py", "return not channel.is_open if", "return False if"),),
    ),
    Mutant(
        name="closed-channels-of-redis",
        breaks="a control command on Redis that can't be read ends the worker once it is parked",
        promise="§1 a message that can't be carried out",
        test=f"{ACKNOWLEDGED}::test_nothing_is_acknowledged_on_a_closed_channel_of_redis",
        edits=(Edit("tasks/acknowledging.py", 'bool(getattr(channel, "closed", False))', "False"),),
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
        edits=(Edit("tasks/base.py", "if is_gone(handed.arrived_on):", "if False:"),),
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
        name="expired-while-it-waits",
        breaks="a command that expired while it waited is applied when its time or its account comes",
        promise="§1 expires",
        test="tests/ledger/test_waiting_in_vain.py::test_what_expires_ahead_of_its_eta_is_parked_when_that_has_come",
        edits=(Edit("ledger/journal/sweep.py", "elif message and message.has_expired(at=now):", "elif False:"),),
    ),
    Mutant(
        name="parked-unseen",
        breaks="what the journal parks is counted nowhere, and no alert tells of a conflict or a defect",
        promise="operations.md, Alerts",
        test="tests/api/test_metrics.py::test_what_is_parked_is_counted_once_it_is_committed_whoever_parks_it",
        edits=(Edit("ledger/journal/parking.py", "    if messages:  # robust", "    if False:  # robust"),),
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
    Mutant(
        name="bombs-by-the-window",
        breaks="each of a window's messages is decompressed, whatever the others hold already",
        promise="§1 can't be carried out",
        test="tests/tasks/test_bombs.py::test_a_window_of_bombs_is_parked_as_it_came_within_little_memory",
        edits=(
            Edit(
                "tasks/bounds.py",
                "min(MAX_DECOMPRESSED_BYTES, MAX_DECOMPRESSED_BYTES_IN_HAND - Text.in_hand)",
                "MAX_DECOMPRESSED_BYTES",
            ),
        ),
    ),
    Mutant(
        name="envelopes-of-any-depth",
        breaks="an envelope that can be read but not written again ends the worker, and is lost",
        promise="§1 can't be carried out",
        test="tests/tasks/test_deep_envelopes.py::test_an_envelope_of_any_depth_is_handed_on_and_put_aside",
        edits=(Edit("tasks/redis_envelopes.py", "if _is_too_deep(envelope):", "if False:"),),
        servers=True,
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
    Mutant(
        name="acks-what-was-not-run",
        breaks="a message that Celery fails of before its task is run is acknowledged, and lost",
        promise="§1 can't be carried out",
        test="tests/tasks/test_handing.py::test_what_celery_did_not_run_is_parked_before_it_is_acknowledged",
        edits=(Edit("tasks/handing.py", "if handed and not handed.is_run:", "if False:"),),
    ),
    Mutant(
        name="results-that-fail-the-command",
        breaks="a command that is posted is told as failed, or never acknowledged, because its result can't be stored",
        promise="§1 outcomes",
        test="tests/tasks/test_results.py::test_a_result_that_cannot_be_stored_is_told_to_nobody",
        edits=(Edit("tasks/results.py", "except Exception as error:", "except ZeroDivisionError as error:"),),
    ),
    Mutant(
        name="posts-what-is-parked",
        breaks="a command that expired while a sweep waited for its account is parked by another, and applied",
        promise="§1 expires",
        test="tests/ledger/test_waiting_in_vain.py::test_what_another_has_parked_or_posted_meanwhile_is_left_alone",
        edits=(Edit("ledger/journal/post.py", "        batch = still_waiting(batch)\n", ""),),
    ),
    Mutant(
        name="links-lost-with-the-broker",
        breaks="what follows a command is lost where it can't be sent, and the command is told as failed",
        promise="§1 links",
        test="tests/tasks/test_handing.py::"
        "test_what_follows_a_command_and_cannot_be_sent_is_sent_when_the_command_comes_again",
        edits=(Edit("tasks/consuming.py", "except NOT_SENT as error:", "except ZeroDivisionError as error:"),),
    ),
    Mutant(
        name="ack-where-nothing-can-be-stored",
        breaks="a message that a person waits for is acknowledged though it could neither be posted nor parked",
        promise="§1 can't be carried out",
        test="tests/tasks/test_handing.py::test_a_task_that_fails_and_can_be_parked_by_no_means_is_given_back",
        edits=(Edit("tasks/base.py", "            store_or_give_back(self._to_park(args, kwargs, error))\n", ""),),
    ),
)
