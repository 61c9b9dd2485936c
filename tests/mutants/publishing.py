"""Mutants of telling the world: what counts as published, and what a webhook gets."""

from tests.mutants.mutant import Edit, Mutant

PUBLISHING = "tasks/publishing.py"
RELAY = "tasks/relay.py"
NOTIFIERS = "tasks/notifiers.py"
PUBLISHED = "tests/tasks/test_publishing.py"
RELAYED = "tests/tasks/test_relay.py"

MUTANTS = (
    # Publishing.
    Mutant(
        name="held-up-by-events",
        breaks="events that nobody takes hold up etas and replays, which go straight to their queues",
        promise="§3 Events",
        test="tests/tasks/test_relay.py::test_events_that_nobody_takes_hold_up_nothing_that_goes_straight_to_a_queue",
        edits=(Edit("tasks/relay.py", "lease_unpublished(limit=limit, of=kind)", "lease_unpublished(limit=limit)"),),
    ),
    Mutant(
        name="not-mandatory",
        breaks="a follow-up task whose queue is missing is lost without a word",
        promise="§3 follow-up tasks",
        test=f"{PUBLISHED}::test_a_message_that_must_arrive_is_not_confirmed_where_its_queue_is_missing",
        edits=(Edit("tasks/packing.py", "MANDATORY = 1", "MANDATORY = 0"),),
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
                "        published = self._published(rows, of_one)\n",
                "        mark(rows, confirmed={row.id for row in rows})\n"
                "        published = self._published(rows, of_one)\n",
            ),
        ),
    ),
    Mutant(
        name="marks-what-failed",
        breaks="rows that the broker did not confirm are marked with the others",
        promise="§3 At least once",
        test=f"{RELAYED}::test_a_row_is_marked_only_once_the_broker_has_it",
        edits=(Edit(RELAY, "mark(rows, confirmed=confirmed,", "mark(rows, confirmed={row.id for row in rows},"),),
    ),
    Mutant(
        name="one-row-fails-all",
        breaks="one row that can't be made into a message holds up all others",
        promise="§3 At least once",
        test=f"{RELAYED}::test_a_row_that_can_not_be_published_at_all_holds_up_no_other",
        edits=(Edit(RELAY, "if len(rows) == 1 or not may_be_one:", "if True:"),),
    ),
    Mutant(
        name="notice-tried-for-ever",
        breaks="a notice that can't be put into frames is sent again for ever, and holds its thread",
        promise="§1 can't be carried out",
        test=f"{RELAYED}::test_a_notice_that_can_not_be_published_at_all_is_parked_and_not_tried_for_ever",
        edits=(Edit(RELAY, "if is_connected and isinstance(error, OF_ONE_MESSAGE):", "if False:"),),
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
