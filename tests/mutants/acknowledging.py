"""Mutants of letting messages go: when they are acknowledged or given back, and what a lost connection does."""

from tests.mutants.mutant import Edit, Mutant

GATHERING = "tasks/gathering.py"
SHUTDOWN = "tests/tasks/test_shutdown.py"
SETTLED = "tests/tasks/test_settling.py"
ACKNOWLEDGED = "tests/tasks/test_acknowledging.py"
DECIDED_ONCE = (
    "tests/tasks/test_untold.py::test_what_waits_for_its_account_is_decided_once_however_often_its_link_is_tried"
)

MUTANTS = (
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
        name="runs-what-comes-again",
        breaks="a task that waited while its connection was lost is run beside its repeat",
        promise="§1 broker away",
        test=f"{SETTLED}::test_a_task_that_waited_while_its_connection_was_lost_is_not_run",
        edits=(Edit("tasks/base.py", "if is_gone(handed.arrived_on):", "if False:"),),
    ),
    Mutant(
        name="acks-early",
        breaks="Celery acknowledges tasks before they are carried out",
        promise="§1 killed at any instruction",
        test="tests/creditsvc/test_celeryconfig.py::"
        "test_a_message_is_acknowledged_late_and_comes_back_when_its_worker_is_lost",
        edits=(Edit("celeryconfig.py", "task_acks_late = True", "task_acks_late = False"),),
    ),
    Mutant(
        name="acks-what-was-not-run",
        breaks="a message that Celery fails of before its task is run is acknowledged, and lost",
        promise="§1 can't be carried out",
        test="tests/tasks/test_handing.py::test_what_celery_did_not_run_is_parked_before_it_is_acknowledged",
        edits=(Edit("tasks/handing.py", "if not handed.is_run:", "if False:"),),
    ),
    Mutant(
        name="results-that-fail-the-command",
        breaks="a command that is posted is told as failed, or never acknowledged, because its result can't be stored",
        promise="§1 outcomes",
        test="tests/tasks/test_results.py::test_a_result_that_cannot_be_stored_is_told_to_nobody",
        edits=(
            Edit(
                "tasks/results.py",
                "        except Exception as error:\n            log.warning",
                "        except ZeroDivisionError as error:\n            log.warning",
            ),
        ),
    ),
    Mutant(
        name="chords-cut-off",
        breaks="a chord's body is never sent where whoever had claimed to send it was killed",
        promise="§1 links",
        test="tests/tasks/test_chords.py::"
        "test_a_part_comes_again_until_a_body_is_sent_that_another_one_claimed_to_send",
        servers=True,
        edits=(Edit("tasks/results.py", "        if is_claimed:\n", "        if False:\n"),),
    ),
    Mutant(
        name="chords-without-their-failures",
        breaks="a chord never ends whose part's failure was stored, and then could not be told",
        promise="§1 links",
        test="tests/tasks/test_chords.py::"
        "test_a_part_that_failed_by_its_chain_is_told_although_its_own_failure_is_stored_already",
        servers=True,
        edits=(Edit("tasks/results.py", "return PENDING", "return self._backend.get_state(task_id)"),),
    ),
    Mutant(
        name="lost-behind-its-own-command",
        breaks="what follows a command is lost where it could not be told while the command waits for its account",
        promise="§1 links",
        test=DECIDED_ONCE,
        edits=(Edit("ledger/journal/keeping.py", "    if UNTOLD in kept.message.headers:", "    if False:"),),
    ),
    Mutant(
        name="decided-by-its-link",
        breaks="a command that was parked as expired, and dismissed, is posted because its link could not be sent",
        promise="§1 links",
        test=DECIDED_ONCE,
        edits=(
            Edit("tasks/strategy.py", "        if self.came_to:\n", "        if False:\n"),
            Edit("tasks/base.py", "handed.came_to or self._came_to", "self._came_to"),
        ),
    ),
    Mutant(
        name="replays-that-decide-nothing",
        breaks="what staff send again is not posted, because it was parked with what it once came to",
        promise="§1 replays",
        test="tests/tasks/test_untold.py::test_what_is_parked_instead_is_decided_when_it_is_sent_again",
        edits=(Edit("ledger/journal/parking.py", "message.without(UNTOLD)", "message"),),
    ),
    Mutant(
        name="told-in-vain-for-ever",
        breaks="a message whose link can never be sent comes again for ever, and nobody is told of it",
        promise="§1 links",
        test="tests/tasks/test_untold.py::test_after_a_day_it_is_parked_unless_it_is_already",
        edits=(Edit("tasks/untold.py", "    if times <= MOST_TIMES:", "    if True:"),),
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
