"""Mutants of what people do and what the service is started with: approval, erasure, secrets."""

from tests.mutants.mutant import Edit, Mutant

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
