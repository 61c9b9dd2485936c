"""Mutants of the journal: locks, look-ups, transactions and what the database itself refuses."""

from tests.mutants.mutant import Edit, Mutant

LOAD = "ledger/journal/load.py"
WAITING_ROWS = "ledger/journal/waiting.py"
WRITE = "ledger/journal/write.py"
OUTBOX = "ledger/journal/outbox.py"
UPKEEP = "ledger/journal/outbox_upkeep.py"
DIALECT = "ledger/dialect.py"
LEASE = "tests/ledger/test_outbox_lease.py"
LOOKUP = "tests/ledger/test_race_lookup.py"
WAITING = "tests/ledger/test_waiting_for_the_account.py"
REACH = "tests/ledger/test_post_reach.py"
GUARDS = "ledger/migrations/0002_guards.py"

MUTANTS = (
    # Locks, look-ups and the clock.
    Mutant(
        name="no-row-lock",
        breaks="accounts are read without being locked",
        promise="§1 Idempotency",
        test=f"{LOOKUP}::test_what_changes_an_account_waits_for_what_moves_its_credits",
        edits=(Edit(DIALECT, 'lock = "FOR NO KEY UPDATE"', 'lock = ""'),),
        servers=True,
    ),
    Mutant(
        name="looks-up-with-the-lock",
        breaks="references are looked up as they were before the lock was had",
        promise="§1 Idempotency",
        test=f"{LOOKUP}::test_a_request_that_waited_for_a_lock_sees_what_was_posted_under_it",
        edits=(
            Edit(
                LOAD,
                "    opened = _insert_accounts(ready)\n",
                "    opened = _insert_accounts(ready)\n"
                "    _early.clear()\n"
                "    _early.update(_look_up({movement_of(r, policy).reference for r in ready if moves(r.command)}))\n",
            ),
            Edit(LOAD, "    claimed = _look_up(", "    claimed = _seen("),
            Edit(
                LOAD,
                "class Drain(Enum):",
                "_early: dict[Any, Any] = {}\n\n\ndef _seen(_: Any) -> Any:\n    return dict(_early)\n\n\n"
                "class Drain(Enum):",
            ),
        ),
        servers=True,
    ),
    Mutant(
        name="clock-before-the-locks",
        breaks="the time is read before the locks are had",
        promise="§1 Lots",
        test=f"{LOOKUP}::test_a_request_that_waited_for_a_lock_is_dated_after_it_had_it",
        edits=(
            Edit(LOAD, "    opened = _insert_accounts(", "    now = spoken.clock()\n    opened = _insert_accounts("),
            Edit(LOAD, "    now = spoken.clock()\n    waiting", "    waiting"),
        ),
        servers=True,
    ),
    Mutant(
        name="first-lots-are-all",
        breaks="a batch that burns more than the first lots hold does not get the others",
        promise="§1 Lots",
        test=f"{REACH}::test_a_batch_that_needs_more_than_the_first_lots_burns_on_in_their_order",
        edits=(Edit("ledger/states.py", "if len(lots) < FIRST_LOTS or", "if True or"),),
    ),
    Mutant(
        name="first-lots-by-another-order",
        breaks="the database reads other lots as the first to burn than the rules burn",
        promise="§1 Lots",
        test=f"{REACH}::test_the_database_has_lots_burn_in_the_rules_own_order",
        edits=(Edit("ledger/states.py", "category DESC, effective_at", "category, effective_at"),),
    ),
    Mutant(
        name="first-lots-by-sequence",
        breaks="the database takes the lot that was posted first for the one that became effective first",
        promise="§1 Lots",
        test=f"{REACH}::test_the_database_has_lots_burn_in_the_rules_own_order",
        edits=(Edit("ledger/states.py", "category DESC, effective_at, sequence", "category DESC, sequence"),),
    ),
    Mutant(
        name="no-look-up",
        breaks="what earlier batches claimed is not looked up",
        promise="§1 Idempotency",
        test="tests/ledger/test_post_once.py::"
        "test_a_repeat_in_a_later_batch_changes_nothing_and_returns_the_first_outcome",
        edits=(Edit(LOAD, "_look_up({movement.reference for movement in movements} |", "_look_up(set() |"),),
    ),
    Mutant(
        name="race-unnoticed",
        breaks="a reference that another merchant took a moment ago is passed over",
        promise="§1 Idempotency",
        test="tests/ledger/test_race_commands.py::test_of_several_merchants_with_one_reference_exactly_one_gets_it",
        edits=(
            Edit(
                "ledger/journal/write.py",
                'insert_rows("credit_transactions", TRANSACTION, rows)',
                'insert_rows("credit_transactions", TRANSACTION, rows, on_conflict="DO NOTHING")',
            ),
        ),
        servers=True,
    ),
    # One transaction.
    Mutant(
        name="event-after-the-commit",
        breaks="events are stored in a transaction of their own",
        promise="§3 Events",
        test="tests/ledger/test_outbox_events.py::test_a_change_whose_event_cannot_be_stored_does_not_happen",
        edits=(
            Edit(WRITE, "from operator import", "from django.db import transaction\nfrom operator import"),
            Edit(WRITE, "    insert_outbox(recorded)\n", "    _afterwards(recorded)\n"),
            Edit(
                WRITE,
                "def _insert_entries(",
                "def _afterwards(rows: Any) -> Any:\n"
                "    transaction.on_commit(lambda: insert_outbox(rows))\n\n\n"
                "def _insert_entries(",
            ),
        ),
    ),
    Mutant(
        name="no-transaction",
        breaks="what a batch writes stands one statement at a time",
        promise="§1 killed at any instruction",
        test="tests/ledger/test_outbox_events.py::test_wherever_a_batch_ends_midway_nothing_of_it_remains",
        edits=(
            Edit("ledger/journal/post.py", "with atomic(durable=True):", "with nullcontext():"),
            Edit("ledger/journal/post.py", "from uuid", "from contextlib import nullcontext\nfrom uuid"),
        ),
    ),
    # The outbox.
    Mutant(
        name="sweeps-by-watermark",
        breaks="rows older than the newest published one are never published",
        promise="§3 At least once",
        test=f"{LEASE}::test_a_row_older_than_one_that_is_published_already_is_leased_all_the_same",
        edits=(
            Edit(
                OUTBOX,
                "WHERE published_at IS NULL AND (publish_after",
                "WHERE id > coalesce((SELECT id FROM credit_outbox_batches WHERE published_at IS NOT NULL "
                "ORDER BY id DESC LIMIT 1), '00000000000000000000000000000000') "
                "AND published_at IS NULL AND (publish_after",
            ),
        ),
    ),
    Mutant(
        name="no-lease",
        breaks="two sweeps publish the same rows",
        promise="§3 Events",
        test=f"{LEASE}::test_a_row_that_was_not_published_in_time_is_leased_once",
        edits=(Edit(OUTBOX, "publish_after=now + LEASE", "publish_after=now"),),
    ),
    Mutant(
        name="leased-by-a-clock-put-back",
        breaks="a row that was leased before the clock was put back waits until the clock is there again",
        promise="§3 At least once",
        test=f"{LEASE}::test_a_lease_from_before_the_clock_was_put_back_counts_for_nothing",
        edits=(
            Edit(
                OUTBOX,
                "spoken.encode(now + BEFORE_THE_CLOCK_WAS_PUT_BACK), *of",
                "spoken.encode(now.replace(year=9000)), *of",
            ),
        ),
    ),
    Mutant(
        name="batch-marked-for-a-part",
        breaks="a batch of which only a part was confirmed is marked as a whole, and the rest is never told",
        promise="§3 At least once",
        test=f"{LEASE}::test_what_was_not_confirmed_of_a_batch_is_tried_again_alone",
        edits=(
            Edit(OUTBOX, "    if not failed and not unrouted:\n", "    if not unrouted:\n"),
            Edit(OUTBOX, "AND batch.size <= {spoken.column('size')}", ""),
        ),
    ),
    Mutant(
        name="batch-marked-unread",
        breaks="a batch is marked though rows of it were not looked at",
        promise="§3 At least once",
        test=f"{LEASE}::test_a_batch_of_which_rows_are_missing_is_not_marked",
        edits=(Edit(OUTBOX, "AND batch.size <= {spoken.column('size')}", ""),),
    ),
    Mutant(
        name="batch-told-again-for-a-part",
        breaks="what was not confirmed stays in its batch, all of which is told again each time",
        promise="§3 Events",
        test=f"{LEASE}::test_what_was_not_confirmed_of_a_batch_is_tried_again_alone",
        edits=(Edit(OUTBOX, "        if batch.id in failed:\n", "        if False:\n"),),
    ),
    Mutant(
        name="marked-twice",
        breaks="a publisher that is late says once more when a batch was published, and that nobody listened",
        promise="§3 Events",
        test=f"{LEASE}::test_who_is_late_marks_nothing_that_another_has_marked",
        edits=(Edit(OUTBOX, 'f"WHERE published_at IS NULL ORDER BY batch.id', 'f"ORDER BY batch.id'),),
    ),
    Mutant(
        name="marks-out-of-order",
        breaks="two publishers that mark the same batches wait for each other, until the database ends one of them",
        promise="§3 Events",
        test="tests/ledger/test_outbox_races.py"
        "::test_who_marks_batches_waits_for_the_first_before_it_holds_a_later_one",
        edits=(Edit(OUTBOX, "ORDER BY batch.id {spoken.lock}", "{spoken.lock}"),),
        servers=True,
    ),
    Mutant(
        name="puts-apart-unlocked",
        breaks="two publishers of which each failed to publish a part of the same batches wait for each other",
        promise="§3 Events",
        test="tests/ledger/test_outbox_races.py::test_two_who_mark_the_same_batches_wait_for_each_other_in_turn",
        edits=(Edit(OUTBOX, 'unpublished.order_by("id").select_for_update():', 'unpublished.order_by("id"):'),),
        servers=True,
    ),
    Mutant(
        name="batch-takes-others-rows",
        breaks="rows that another publisher has put apart are moved once more, out of a batch that counts them",
        promise="§3 Events",
        test=f"{LEASE}::test_what_another_has_put_apart_meanwhile_stays_where_it_is",
        edits=(Edit(OUTBOX, "filter(id__in=ids, batch=batch)", "filter(id__in=ids)"),),
    ),
    Mutant(
        name="endless-batch",
        breaks="a batch that all rows have left is leased for ever",
        promise="§3 Events",
        test=f"{LEASE}::test_a_batch_that_all_rows_have_left_goes",
        edits=(Edit(OUTBOX, "{*ids} - {row.batch_id for row in leased}", "set()"),),
    ),
    Mutant(
        name="endless-republishing",
        breaks="who republishes takes rows out of a batch that is to be published, which is then told for ever",
        promise="§3 Events",
        test="tests/ledger/test_outbox_races.py"
        "::test_who_has_rows_published_again_takes_none_out_of_the_batch_of_another_who_has",
        edits=(Edit(UPKEEP, "id__in=ids, batch__in=former", "id__in=ids"),),
        servers=True,
    ),
    Mutant(
        name="redaction-misses-what-is-parked",
        breaks="a message that is parked out of the outbox while it is redacted keeps the shopper's data",
        promise="§8 Proof and erasure",
        test="tests/ledger/test_redact_races.py"
        "::test_a_message_that_is_parked_out_of_the_outbox_meanwhile_is_redacted_there",
        edits=(Edit("ledger/journal/redaction.py", "        messages += _redact_parked(subject, by=actor)\n", ""),),
        servers=True,
    ),
    Mutant(
        name="republishing-stops-early",
        breaks="who republishes ends where another has just had the same rows published again",
        promise="§3 At least once",
        test="tests/ledger/test_outbox_races.py"
        "::test_who_has_rows_published_again_goes_on_behind_those_that_another_has",
        edits=(Edit(UPKEEP, "if again or not chosen:", "if True:"),),
        servers=True,
    ),
    Mutant(
        name="parks-and-tells-the-rest-for-ever",
        breaks="a batch of which a message was parked counts it still, and is told for ever",
        promise="§3 Events",
        test="tests/ledger/test_outbox_command.py"
        "::test_of_messages_that_go_again_together_one_is_parked_and_the_other_goes",
        edits=(Edit(UPKEEP, 'F("size") - taken', 'F("size")'),),
    ),
    Mutant(
        name="too-large-to-be-swept",
        breaks="a batch is larger than what a sweep can publish in the time that it waits for confirms",
        promise="§3 At least once",
        test=f"{LEASE}::test_no_batch_has_more_rows_than_the_sweep_takes_at_a_time",
        edits=(Edit(WRITE, "place // LARGEST_BATCH", "0"),),
    ),
    Mutant(
        name="redaction-misses-what-moves",
        breaks="a message that goes to another batch while it is redacted keeps the shopper's data",
        promise="§8 Proof and erasure",
        test="tests/ledger/test_redact_races.py::test_a_message_that_goes_to_another_batch_meanwhile_is_redacted_there",
        edits=(
            Edit(
                "ledger/journal/redaction.py",
                'about.order_by("id").select_for_update()',
                'about.select_related("batch").order_by("id").select_for_update(of=("self",))',
            ),
        ),
        servers=True,
    ),
    Mutant(
        name="told-again-though-published",
        breaks="what another publisher has marked meanwhile is taken apart and published once more",
        promise="§3 Events",
        test=f"{LEASE}::test_what_another_has_published_meanwhile_stays_published",
        edits=(
            Edit(OUTBOX, "filter(id__in={*counts, *failed}, published_at=None)", "filter(id__in={*counts, *failed})"),
        ),
    ),
    Mutant(
        name="lease-without-a-limit",
        breaks="a sweep takes as many rows as the batches have, and holds them all in memory",
        promise="§3 Events",
        test=f"{LEASE}::test_a_batch_larger_than_asked_for_is_leased_alone",
        edits=(Edit(OUTBOX, "if ids and rows > limit:", "if False:"),),
    ),
    Mutant(
        name="no-skip-locked",
        breaks="a sweep waits for rows that another one holds",
        promise="§3 Events",
        test=f"{LEASE}::test_batches_that_another_transaction_holds_hold_up_no_sweep",
        edits=(Edit(DIALECT, "FOR UPDATE SKIP LOCKED", "FOR UPDATE"),),
        servers=True,
    ),
    Mutant(
        name="sweep-without-a-lock",
        breaks="two sweeps at once take the same rows",
        promise="§3 Events",
        test="tests/ledger/test_race_batches.py::test_an_outbox_row_is_leased_by_one_sweep_only",
        edits=(Edit(DIALECT, "FOR UPDATE SKIP LOCKED", ""),),
        servers=True,
    ),
    Mutant(
        name="prunes-what-is-not-published",
        breaks="old rows are deleted, published or not",
        promise="§3 At least once",
        test=f"{LEASE}::test_only_rows_published_long_ago_are_pruned_the_oldest_first_and_no_more_than_asked_for",
        edits=(Edit(UPKEEP, "filter(published_at__lt=older_than).values", "all().values"),),
    ),
    # Waiting.
    Mutant(
        name="waits-on-after-it-was-applied",
        breaks="a waiting row stays once its command is applied",
        promise="§1 waiting",
        test=f"{WAITING}::test_opening_the_account_applies_what_waited_in_order_of_arrival",
        edits=(Edit(WRITE, "    delete_waiting(plan.taken)\n", ""),),
    ),
    Mutant(
        name="applied-ahead-of-its-time",
        breaks="an opening applies commands whose eta has not come",
        promise="§1 waiting",
        test=f"{WAITING}::test_an_opening_leaves_what_is_ahead_of_its_time",
        edits=(Edit(WAITING_ROWS, "AND (due_at <= %s OR", "AND (due_at <= %s OR true OR"),),
    ),
    Mutant(
        name="arrived-in-no-order",
        breaks="what waited is applied in another order than it arrived in",
        promise="§1 waiting",
        test=f"{WAITING}::test_opening_the_account_applies_what_waited_in_order_of_arrival",
        edits=(Edit(WAITING_ROWS, "ORDER BY id LIMIT", "ORDER BY id DESC LIMIT"),),
    ),
    Mutant(
        name="waits-for-ever",
        breaks="what outlives ACCOUNT_WAIT is never parked",
        promise="§1 waiting",
        test=f"{WAITING}::test_what_outlives_its_wait_is_parked_whole_and_the_rest_waits_on",
        edits=(Edit("ledger/journal/sweep.py", "park_at__lte=moment", "park_at__isnull=True"),),
    ),
    # Trouble, and the guilty.
    Mutant(
        name="guilty-batch",
        breaks="one guilty message has its whole batch parked",
        promise="§1 can't be carried out",
        test="tests/ledger/test_surely_guilty.py::test_only_the_guilty_request_is_parked_wherever_it_stands",
        edits=(
            Edit(
                "ledger/journal/surely.py",
                "return _halving(batch[:middle], pause) + _halving(batch[middle:], pause)",
                "return sum((_guilty(each, Exception(middle), pause) for each in batch), Posted())",
            ),
        ),
    ),
    Mutant(
        name="trouble-parks",
        breaks="a database that is away has messages parked instead of kept",
        promise="§1 can't be carried out",
        test="tests/ledger/test_surely_trouble.py::test_a_locked_sqlite_file_is_trouble_and_is_waited_for",
        edits=(Edit("ledger/journal/surely.py", "if not is_trouble(error):", "if True:"),),
    ),
    Mutant(
        name="read-only-is-no-trouble",
        breaks="after a failover to a read-only server messages are parked",
        promise="§1 can't be carried out",
        test="tests/ledger/test_surely_trouble.py::test_a_database_that_is_read_only_is_waited_for",
        edits=(Edit("ledger/journal/trouble.py", '"25006", ', ""),),
        servers=True,
    ),
    # What the database itself refuses.
    Mutant(
        name="transactions-can-be-updated",
        breaks="the trigger that keeps transactions as they are looks at their id alone",
        promise="§8 Proof",
        test="tests/ledger/test_guards.py::test_no_column_of_a_transaction_that_holds_nothing_to_erase_can_be_updated",
        edits=(Edit(GUARDS, 'f"{changed(*KEPT)} OR', 'f"{changed(KEPT[0])} OR'),),
    ),
    Mutant(
        name="transactions-can-be-deleted",
        breaks="the trigger that keeps transactions from being deleted looks elsewhere",
        promise="§8 Proof",
        test="tests/ledger/test_guards.py::test_a_transaction_cannot_be_deleted",
        edits=(
            Edit(
                GUARDS,
                'table="credit_transactions",\n        refuses="DELETE"',
                'table="credit_transactions",\n        refuses="DELETE",\n        condition="1 = 0"',
            ),
        ),
    ),
)
