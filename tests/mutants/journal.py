"""Mutants of the journal: locks, look-ups, transactions and what the database itself refuses."""

from tests.mutants.mutant import Edit, Mutant

LOAD = "ledger/journal/load.py"
WAITING_ROWS = "ledger/journal/waiting.py"
WRITE = "ledger/journal/write.py"
DIALECT = "ledger/dialect.py"
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
