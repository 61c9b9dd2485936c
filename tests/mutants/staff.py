"""Mutants of what people do and what the service is started with: approval, erasure, secrets."""

from tests.mutants.mutant import Edit, Mutant

CORRECTING = "tests/ledger/test_correcting.py"
APPROVAL = "tests/ledger/test_staff_approval.py"
ENVIRONMENT = "creditsvc/environment.py"

MUTANTS = (
    Mutant(
        name="approves-ones-own",
        breaks="who asked for a large adjustment approves it",
        promise="§7 Adjust",
        test=f"{APPROVAL}::test_who_asked_decides_nothing",
        edits=(Edit("ledger/staff/adjustments.py", "if row.asked_by == actor:", "if False:"),),
    ),
    Mutant(
        name="needs-no-approval",
        breaks="a large adjustment is posted without a second person",
        promise="§7 Adjust",
        test="tests/ledger/test_staff_adjustments.py::test_a_large_adjustment_is_stored_until_somebody_approves_it",
        edits=(Edit("ledger/staff/adjustments.py", "if not needs_approval(told):", "if True:"),),
    ),
    Mutant(
        name="replays-ones-own",
        breaks="who corrected a message to move much sends it alone",
        promise="§1 Refusals",
        test="tests/ledger/test_second_person.py::test_the_others_of_one_call_are_sent",
        edits=(Edit("ledger/parking.py", "and correction.actor == _person(by)", "and False"),),
    ),
    Mutant(
        name="many-count-as-one",
        breaks="many small consumptions pass for a small one",
        promise="§1 Refusals",
        test="tests/ledger/test_second_person.py::test_what_moves_much_is_not_sent_by_who_corrected_it_but_by_another",
        edits=(Edit("ledger/second_person.py", "sum(amount or 0 for", "max(amount or 0 for"),),
    ),
    Mutant(
        name="corrected-for-another",
        breaks="a correction gives a message to another merchant",
        promise="§1 Refusals",
        test=f"{CORRECTING}::test_a_correction_keeps_what_the_original_says_of_task_merchant_and_reference",
        edits=(Edit("ledger/kept.py", "if was.merchant_id in (None, asked.merchant_id)", ""),),
    ),
    Mutant(
        name="corrected-in-anothers-name",
        breaks="what a person has written is told to be its producer's",
        promise="§1 Refusals",
        test=f"{CORRECTING}::test_a_corrected_message_is_no_longer_its_producers",
        edits=(Edit("ledger/sending_again.py", 'if name != "user_id"', ""),),
    ),
    Mutant(
        name="salt-stays",
        breaks="what was erased can be guessed back out of its digest",
        promise="§8 Proof and erasure",
        test="tests/ledger/test_redact_transaction.py::test_a_transaction_is_redacted_and_no_other",
        edits=(Edit("ledger/journal/redaction.py", '"metadata": {}, "salt": ""}', '"metadata": {}}'),),
    ),
    Mutant(
        name="password-in-an-error",
        breaks="a URL that is wrong is repeated with its password",
        promise="§5 Settings",
        test="tests/creditsvc/test_environment.py::test_a_refusal_never_repeats_a_url_which_may_hold_a_password",
        edits=(
            Edit(
                ENVIRONMENT,
                "not in schemes:\n        raise wrong_url(schemes)",
                "not in schemes:\n        raise wrong_url((*schemes, url))",
            ),
        ),
    ),
    Mutant(
        name="weak-secrets",
        breaks="production starts with a short secret",
        promise="§5 Settings",
        test="tests/creditsvc/test_production.py::test_what_is_weak_embedded_or_for_debugging_is_refused",
        edits=(Edit(ENVIRONMENT, "if len(secret) < WEAKEST_SECRET_LENGTH or", "if"),),
    ),
    Mutant(
        name="embedded-in-production",
        breaks="production starts on an embedded database",
        promise="§5 Settings",
        test="tests/creditsvc/test_production.py::test_what_is_weak_embedded_or_for_debugging_is_refused",
        edits=(Edit(ENVIRONMENT, 'if environment.database_url.startswith("sqlite"):', "if False:"),),
    ),
)
