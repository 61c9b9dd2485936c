"""Mutants of taking messages in: how they are read, and what is in one batch."""

from tests.mutants.mutant import Edit, Mutant

GATHERING = "tasks/gathering.py"
STRATEGY = "tasks/strategy.py"
GATHERED = "tests/tasks/test_gathering.py"
ENVELOPES = "tests/tasks/test_strategy.py"

MUTANTS = (
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
        name="splits-suspects",
        breaks="a consume_many that came back again and again is posted in parts, with others",
        promise="§1 dead-lettered",
        test=f"{GATHERED}::test_a_suspect_of_both_shares_is_carried_out_whole",
        edits=(Edit("tasks/deliveries.py", " or self.largest_batch:", ":"),),
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
        edits=(Edit("tasks/inbound.py", "if routing_key and envelope", "if False and envelope"),),
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
        name="bodies-by-the-window",
        breaks="a worker takes in all of its window, whatever each message's size: gigabytes",
        promise="§1 can't be carried out",
        test="tests/tasks/test_gathering.py::"
        "test_nothing_more_is_read_while_messages_in_hand_have_more_bytes_than_enough",
        edits=(Edit("tasks/gathering.py", " or are_enough()", ""),),
    ),
    Mutant(
        name="held-by-its-error",
        breaks="a message that is no JSON is in hand for ever, and so many of them have a worker read slowly",
        promise="§1 can't be carried out",
        test="tests/tasks/test_bodies_in_hand.py::test_no_error_holds_the_message_that_it_is_about",
        edits=(Edit("tasks/encodings.py", "        raise error.with_traceback(None) from None", "        raise"),),
    ),
    Mutant(
        name="read-before-it-is-settled",
        breaks="each small batch lets a read in, and a worker takes in all of its window: gigabytes",
        promise="§1 can't be carried out",
        test="tests/tasks/test_bodies_in_hand.py::"
        "test_a_batch_that_has_been_carried_out_is_settled_before_more_is_read",
        edits=(Edit("tasks/gathering.py", "                return False", "                break"),),
    ),
    Mutant(
        name="what-tls-holds-back",
        breaks="over TLS a message waits for the next heartbeat, where an answer came with it",
        promise="§1 can't be carried out",
        test="tests/tasks/test_consuming.py::"
        "test_what_tls_has_taken_off_the_socket_is_read_before_the_loop_waits_for_it",
        edits=(Edit("tasks/steps.py", "            consumer.hub.on_tick.add(self._read_on)\n", ""),),
        servers=True,
    ),
    Mutant(
        name="redis-without-end",
        breaks="a worker takes in all of its window of Redis, whatever each message's size: gigabytes",
        promise="§1 can't be carried out",
        test="tests/tasks/test_bodies_in_hand.py::test_nothing_more_is_taken_from_redis_while_there_is_enough",
        servers=True,
        edits=(Edit("tasks/redis_envelopes.py", "return not are_enough()", "return True"),),
    ),
    Mutant(
        name="leftovers-end-workers",
        breaks="one entry among Redis' unacknowledged messages keeps each worker from starting",
        promise="§1 can't be carried out",
        test="tests/tasks/test_redis_leftovers.py::test_an_entry_that_is_no_message_keeps_none_from_being_put_back",
        servers=True,
        edits=(
            Edit(
                "tasks/redis_envelopes.py",
                "except (AttributeError, LookupError, RecursionError, TypeError, ValueError):",
                "except ZeroDivisionError:",
            ),
        ),
    ),
    Mutant(
        name="json-as-utf-8",
        breaks="a reference in another code is read as another reference, where the broker's client decodes nothing",
        promise="§1 JSON",
        test="tests/tasks/test_bombs.py::test_json_is_read_by_the_code_that_it_is_said_to_be_in_or_refused",
        edits=(Edit("tasks/encodings.py", "decoded(body, encoding) if is_said else body", "body"),),
    ),
    Mutant(
        name="rows-of-one-hand",
        breaks="on the embedded broker what another language wrote is lost when its worker stops",
        promise="§1 nothing lost",
        test="tests/tasks/test_embedded.py::test_a_row_of_any_hand_goes_back_as_it_was_when_its_worker_stops",
        edits=(Edit("tasks/embedded.py", "message._raw", "message.serializable()"),),
    ),
    Mutant(
        name="envelopes-of-any-depth",
        breaks="an envelope that can be read but not written again ends the worker, and is lost",
        promise="§1 can't be carried out",
        test="tests/tasks/test_deep_envelopes.py::test_an_envelope_of_any_depth_is_handed_on_and_put_aside",
        edits=(Edit("tasks/envelopes.py", "if _is_too_deep(envelope):", "if False:"),),
        servers=True,
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
        name="posts-what-is-parked",
        breaks="a command that expired while a sweep waited for its account is parked by another, and applied",
        promise="§1 expires",
        test="tests/ledger/test_waiting_in_vain.py::test_what_another_has_parked_or_posted_meanwhile_is_left_alone",
        edits=(Edit("ledger/journal/post.py", "        batch = still_waiting(batch)\n", ""),),
    ),
)
