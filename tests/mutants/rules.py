"""Mutants of the rules: what is decided wrongly, though it is written faithfully."""

from tests.mutants.mutant import Edit, Mutant

PLAN = "ledger/rules/plan.py"
LOTS = "tests/ledger/test_plan_lots.py"
HOLDS = "tests/ledger/test_plan_holds.py"
REVERSALS = "tests/ledger/test_plan_reversals.py"
ALERTS = "tests/ledger/test_plan_alerts.py"
FUNDS = "tests/ledger/test_plan_funds.py"

MUTANTS = (
    # Funds and lots.
    Mutant(
        name="overdraft",
        breaks="more is consumed than there is",
        promise="§1 Outcomes",
        test=f"{FUNDS}::test_a_debit_beyond_the_balance_is_declined_and_told",
        edits=(Edit("ledger/rules/spending.py", "if amount > account.available:", "if False:"),),
    ),
    Mutant(
        name="burns-paid-first",
        breaks="credits that were paid for burn before those that were given",
        promise="§1 Lots",
        test=f"{LOTS}::test_lots_burn_in_the_order_of_the_contract",
        edits=(Edit("ledger/rules/lots.py", "or NEVER, is_paid", "or NEVER, not is_paid"),),
    ),
    Mutant(
        name="burns-by-no-expiry",
        breaks="a lot that expires sooner does not burn first",
        promise="§1 Lots",
        test=f"{LOTS}::test_lots_burn_in_the_order_of_the_contract",
        edits=(Edit("ledger/rules/lots.py", "self.expires_at or NEVER, is_paid", "is_paid"),),
    ),
    Mutant(
        name="reaches-no-further",
        breaks="lots are left unread though the batch adds one that falls due, which has the account looked over",
        promise="§1 Lots",
        test="tests/ledger/test_post_reach.py::test_where_any_lot_may_matter_all_are_read",
        edits=(Edit("ledger/rules/reach.py", " and not has_dates", ""),),
    ),
    Mutant(
        name="burns-what-is-held",
        breaks="of the first lots what a hold has set aside counts as enough to burn",
        promise="§1 Holds",
        test="tests/ledger/test_post_reach.py::test_what_a_hold_has_set_aside_of_the_first_lots_is_not_burnt",
        edits=(Edit("ledger/states.py", "sum(lot.free for lot in lots)", "sum(lot.remaining for lot in lots)"),),
    ),
    Mutant(
        name="reaches-past-what-is-due",
        breaks="lots are left unread though something is due on the account",
        promise="§1 Lots",
        test="tests/ledger/test_post_reach.py::test_what_is_due_on_an_account_has_all_its_lots_read",
        edits=(Edit("ledger/rules/reach.py", "if not account.is_due(now) and", "if"),),
    ),
    Mutant(
        name="expired-is-spent",
        breaks="what has expired can be spent until the sweep has been",
        promise="§1 Lots",
        test=f"{LOTS}::test_credits_that_expired_cannot_be_spent_a_moment_later_whether_or_not_anybody_swept",
        edits=(
            Edit(
                PLAN,
                "                post_due(self.keeper, account)\n            outcome = self._carry_out",
                "                pass\n            outcome = self._carry_out",
            ),
        ),
    ),
    Mutant(
        name="expires-under-a-hold",
        breaks="credits that a hold has set aside expire under it",
        promise="§1 Lots",
        test=f"{HOLDS}::test_a_lot_does_not_expire_under_a_hold_but_at_once_when_the_hold_is_released",
        edits=(
            Edit("ledger/rules/due.py", "    amount = lot.free\n", "    amount = lot.remaining\n"),
            Edit("ledger/rules/due.py", "        if lot.free:\n", "        if lot.remaining:\n"),
        ),
    ),
    Mutant(
        name="expires-with-the-hold",
        breaks="a lot whose hold runs out expires then, ahead of its own expiry",
        promise="§1 Lots",
        test=f"{HOLDS}::test_a_hold_that_runs_out_frees_a_lot_until_its_own_expiry_and_no_earlier",
        edits=(Edit("ledger/rules/due.py", "(max(at, lot.expires_at), Work.EXPIRE", "(at, Work.EXPIRE"),),
    ),
    Mutant(
        name="dated-before-the-last",
        breaks="a clock that goes back puts a later transaction earlier",
        promise="§4 balance at an instant",
        test=f"{FUNDS}::test_a_clock_that_goes_back_never_puts_a_later_transaction_earlier",
        edits=(Edit("ledger/rules/bookkeeping.py", "max(at, account.updated_at)", "at"),),
    ),
    Mutant(
        name="spends-while-frozen",
        breaks="a frozen account goes on spending",
        promise="§7 Staff",
        test="tests/ledger/test_staff_changes.py::"
        "test_a_frozen_account_declines_what_would_spend_and_says_that_it_is_frozen",
        edits=(Edit("ledger/rules/spending.py", "if account.frozen and", "if False and"),),
    ),
    # Holds and reversals.
    Mutant(
        name="held-is-available",
        breaks="what a hold has set aside is spent by others",
        promise="§1 Holds",
        test=f"{HOLDS}::test_a_hold_moves_nothing_and_makes_less_available",
        edits=(Edit("ledger/rules/state.py", "return self.balance - self.held", "return self.balance"),),
    ),
    Mutant(
        name="captured-twice",
        breaks="a hold is captured again after it was resolved",
        promise="§1 Holds",
        test=f"{HOLDS}::test_one_resolution_wins_and_later_ones_are_declined_by_its_name",
        edits=(Edit("ledger/rules/holds.py", "if held.status is not HoldStatus.OPEN:", "if False:"),),
    ),
    Mutant(
        name="captures-more-than-held",
        breaks="more is captured than was held",
        promise="§1 Holds",
        test=f"{HOLDS}::test_capturing_more_than_was_held_is_declined_and_resolves_nothing",
        edits=(Edit("ledger/rules/holds.py", "DeclineReason.MORE_THAN_HELD if asked > held.amount else None", "None"),),
    ),
    Mutant(
        name="reverses-more-than-posted",
        breaks="more is given back than was taken",
        promise="§1 Reversals",
        test=f"{REVERSALS}::test_more_than_was_posted_is_never_given_back",
        edits=(Edit("ledger/rules/reversals.py", "DeclineReason.MORE_THAN_POSTED if asked > left else None", "None"),),
    ),
    Mutant(
        name="reverses-again",
        breaks="what was reversed already is not counted",
        promise="§1 Reversals",
        test=f"{REVERSALS}::test_nor_by_several_reversals_in_one_batch",
        edits=(Edit("ledger/rules/reversals.py", "= before + amount", "= before"),),
    ),
    Mutant(
        name="reversal-overfills",
        breaks="a reversal takes a balance over its limit",
        promise="§1 Reversals",
        test=f"{REVERSALS}::test_a_reversal_that_would_overfill_the_account_is_declined",
        edits=(Edit("ledger/rules/reversals.py", "if reason is None and is_debit and", "if False and"),),
    ),
    Mutant(
        name="reverses-nothing",
        breaks="of a credit that is spent nothing is taken, and that is posted",
        promise="§1 Reversals",
        test=f"{REVERSALS}::test_where_nothing_is_left_nothing_is_taken_whatever_the_caller_chose",
        edits=(Edit("ledger/rules/reversals.py", "TAKE_WHAT_IS_LEFT and lot.free:", "TAKE_WHAT_IS_LEFT:"),),
    ),
    Mutant(
        name="looked-at-for-ever",
        breaks="an account on which nothing is due any more is looked at by every sweep",
        promise="§1 Lots",
        test="tests/ledger/test_due_sweep.py::test_an_account_on_which_nothing_is_due_any_more_is_looked_at_once",
        edits=(Edit("ledger/rules/due.py", "    keeper.date(account, account.updated_at)\n", ""),),
    ),
    # Events.
    Mutant(
        name="stays-armed",
        breaks="one fall of a balance is told again and again",
        promise="§3 Alerts",
        test=f"{ALERTS}::test_a_fall_is_told_once_until_the_balance_has_recovered",
        edits=(Edit("ledger/rules/alerts.py", "account.armed = False", "pass"),),
    ),
    Mutant(
        name="trial-as-recovery",
        breaks="the first credits of an account are told as a recovery",
        promise="§3 Alerts",
        test=f"{ALERTS}::test_a_fall_is_told_once_until_the_balance_has_recovered",
        edits=(Edit("ledger/rules/alerts.py", "if account.armed or account.balance <", "if account.balance <"),),
    ),
    Mutant(
        name="gap-after-a-decline",
        breaks="a decline uses up a number of the account's events without telling it",
        promise="§3 account_sequence",
        test=f"{FUNDS}::test_a_debit_beyond_the_balance_is_declined_and_told",
        edits=(
            Edit(
                "ledger/rules/bookkeeping.py",
                "        account.event_sequence += 1\n",
                "        account.event_sequence += 2 if event_type == events.INSUFFICIENT else 1\n",
            ),
        ),
    ),
    Mutant(
        name="chain-skips-a-column",
        breaks="amounts can be changed without breaking the hash chain",
        promise="§8 Proof",
        test="tests/ledger/test_audit_lots.py::test_a_row_that_was_changed_breaks_the_chain",
        edits=(Edit("ledger/rules/chain.py", '    "allocations",\n', ""),),
    ),
    Mutant(
        name="chain-without-links",
        breaks="a row's digest does not take in the one before",
        promise="§8 Proof",
        test="tests/ledger/test_audit_lots.py::test_heads_kept_elsewhere_prove_that_history_was_not_written_anew",
        edits=(Edit("ledger/rules/chain.py", '"previous": previous}', '"previous": START}'),),
    ),
)
