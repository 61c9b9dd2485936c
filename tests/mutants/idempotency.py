"""Mutants of idempotency: what is compared, and in which order things are looked at."""

from tests.mutants.mutant import Edit, Mutant

PLAN = "ledger/rules/plan.py"
IDEMPOTENCY = "tests/ledger/test_plan_idempotency.py"

MUTANTS = (
    Mutant(
        name="no-replay",
        breaks="a reference that is claimed already is not looked for",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_repeat_changes_nothing_and_returns_the_first_outcome",
        edits=(Edit(PLAN, "self._claimed(movement.reference)", "None"),),
    ),
    Mutant(
        name="conflict-as-replay",
        breaks="a conflict is answered as if it were a repeat",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_reference_with_another_merchant_operation_or_amount_is_a_conflict",
        edits=(Edit(PLAN, "if is_same(claimed, movement, target):", "if True:"),),
    ),
    Mutant(
        name="compares-no-merchant",
        breaks="a merchant is answered with another merchant's transaction",
        promise="§1 Idempotency",
        test="tests/ledger/test_post_once.py::"
        "test_a_reference_that_another_merchant_holds_is_parked_and_never_answered_with_theirs",
        edits=(Edit("ledger/rules/idempotency.py", "claimed.merchant_id == movement.merchant_id", "True"),),
    ),
    Mutant(
        name="compares-no-amount",
        breaks="a repeat with another amount counts as a repeat",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_reference_with_another_merchant_operation_or_amount_is_a_conflict",
        edits=(Edit("ledger/rules/idempotency.py", "movement.stated_amount == claimed.stated_amount", "True"),),
    ),
    Mutant(
        name="compares-the-trials-size",
        breaks="a trial repeated after TRIAL_CREDITS was changed is a conflict",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_trial_is_the_same_trial_after_its_size_was_changed",
        edits=(
            Edit(
                "ledger/rules/idempotency.py",
                "(movement.stated_amount is None or movement.stated_amount == claimed.stated_amount)",
                "movement.amount == claimed.amount",
            ),
        ),
    ),
    Mutant(
        name="compares-what-was-not-stated",
        breaks="who states no amount has a conflict with the one that was stated",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_repeat_that_states_no_amount_is_a_replay_of_one_that_did",
        edits=(Edit("ledger/rules/idempotency.py", "(movement.stated_amount is None or", "(False or"),),
    ),
    Mutant(
        name="compares-no-target",
        breaks="a capture repeated for another hold counts as a repeat",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_capture_repeated_for_another_hold_is_a_conflict",
        edits=(Edit("ledger/rules/idempotency.py", "(movement.terms.target is None or", "(True or"),),
    ),
    Mutant(
        name="hold-as-consumption",
        breaks="a hold and a consumption with one reference count as the same request",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_reference_with_another_merchant_operation_or_amount_is_a_conflict",
        edits=(Edit("ledger/rules/idempotency.py", "return kind if kind in _OPERATIONS else", "return"),),
    ),
    Mutant(
        name="funds-before-replay",
        breaks="too few credits are looked at before the reference is",
        promise="§1 Idempotency",
        test=f"{IDEMPOTENCY}::test_a_replay_comes_before_the_funds",
        edits=(
            Edit(
                PLAN,
                "        claimed = self._claimed(movement.reference)\n",
                "        if account is not None and movement.kind is Kind.CONSUME"
                " and (movement.amount or 0) > account.available:\n"
                "            return outcome_of(self._post(account, movement))\n"
                "        claimed = self._claimed(movement.reference)\n",
            ),
        ),
    ),
    Mutant(
        name="another-merchants-target",
        breaks="a merchant captures or reverses what is another's",
        promise="§1 Commands",
        test="tests/ledger/test_waiting_for_the_target.py::test_the_target_of_another_merchant_is_as_good_as_none",
        edits=(Edit(PLAN, "target.merchant_id == movement.merchant_id", "True"),),
    ),
)
