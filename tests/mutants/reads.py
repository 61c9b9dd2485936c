"""Mutants of what others may read: whose ledger a token opens, and whether pages and balances are right."""

from tests.mutants.mutant import Edit, Mutant

AUTH = "api/auth.py"
TOKENS = "api/tokens.py"
WHO = "tests/api/test_who_may_read_what.py"
GOOD_TOKENS = "tests/api/test_tokens.py"

MUTANTS = (
    Mutant(
        name="headers-trusted",
        breaks="a shop's token opens the ledger of the shop that the headers name",
        promise="§4 Who may read what",
        test=f"{WHO}::test_a_token_opens_the_account_of_its_shop_and_no_other",
        edits=(Edit(AUTH, "if merchant_id is None and _lowered(claims.sub) != domain:", "if False:"),),
    ),
    Mutant(
        name="merchants-shop-not-compared",
        breaks="a merchant's token opens its ledger under another shop's headers",
        promise="§4 Who may read what",
        test=f"{WHO}::test_a_token_opens_the_account_of_its_shop_and_no_other",
        edits=(Edit(AUTH, "if (account.platform_name, account.shop_domain) != (platform, domain):", "if False:"),),
    ),
    Mutant(
        name="platform-claim-ignored",
        breaks="a token of a shop on one platform opens its namesake's on another",
        promise="§4 Who may read what",
        test=f"{WHO}::test_a_token_opens_the_account_of_its_shop_and_no_other",
        edits=(Edit(AUTH, "if claims.platform is not None and _lowered(claims.platform) != platform:", "if False:"),),
    ),
    Mutant(
        name="ambiguous-domain",
        breaks="a token that names no platform opens any shop of its domain",
        promise="§4 Who may read what",
        test=f"{WHO}::test_a_token_opens_the_account_of_its_shop_and_no_other",
        edits=(Edit(AUTH, "if len({account.platform_name for account in accounts}) > 1:", "if False:"),),
    ),
    Mutant(
        name="any-scope",
        breaks="a token of any scope opens the ledger",
        promise="§4 Who may read what",
        test=f"{WHO}::test_any_other_scope_is_refused",
        edits=(Edit(AUTH, "if claims.scope != settings.REQUIRED_CLIENT_SCOPE:", "if False:"),),
    ),
    Mutant(
        name="any-algorithm",
        breaks="the token itself chooses how its signature is checked",
        promise="§4 Who may read what",
        test=f"{GOOD_TOKENS}::test_no_algorithm_but_hs256_is_accepted",
        edits=(Edit(TOKENS, 'algorithms=["HS256"]', 'algorithms=["HS256", "HS384", "HS512", "none"]'),),
    ),
    Mutant(
        name="unsigned-tokens",
        breaks="a token's signature is not checked",
        promise="§4 Who may read what",
        test=f"{GOOD_TOKENS}::test_a_token_with_one_part_changed_is_refused",
        edits=(Edit(TOKENS, 'algorithms=["HS256"]', 'algorithms=["HS256"], options={"verify_signature": False}'),),
    ),
    Mutant(
        name="tokens-for-ever",
        breaks="a token is good after it has expired",
        promise="§4 Who may read what",
        test=f"{GOOD_TOKENS}::test_a_token_is_good_from_its_first_second_until_its_last",
        edits=(Edit(TOKENS, "now < self.exp", "True"),),
    ),
    Mutant(
        name="shops-read-internally",
        breaks="a service's token needs no scope of its own",
        promise="§4 HTTP for other services",
        test="tests/api/test_who_may_read_internal.py::"
        "test_only_a_services_token_of_its_secret_and_scope_opens_the_internal_reads",
        edits=(Edit("api/services.py", "if claims.scope != SCOPE:", "if False:"),),
    ),
    Mutant(
        name="expired-is-read",
        breaks="a read shows credits that have expired until the sweep has been",
        promise="§4 GET /api/credits",
        test="tests/api/test_due.py::test_reads_count_in_what_is_due_and_history_does_not",
        edits=(Edit("ledger/queries/balance.py", "if account.is_overdue else account", "if False else account"),),
    ),
    Mutant(
        name="remembers-the-present",
        breaks="a read shows how an account stood before what was posted since it was last asked for",
        promise="§4 GET /api/credits/usage",
        test="tests/api/test_usage.py::test_a_day_behind_which_nothing_lies_yet_is_asked_for_anew",
        edits=(Edit("ledger/queries/usage.py", " if read[cut].sequence < account.sequence", ""),),
    ),
    Mutant(
        name="cursor-skips-a-row",
        breaks="who follows the links of pages misses a row on each",
        promise="§4 cursor",
        test="tests/api/test_pages.py::TestLinks::test_next_leads_over_every_row_once",
        edits=(Edit("api/pages.py", "cursor=self.above) if", "cursor=self.above - 1) if"),),
    ),
    Mutant(
        name="walk-skips-a-row",
        breaks="who follows the links of a filtered list misses rows",
        promise="§4 filters",
        test="tests/api/test_filters.py::test_new_rows_do_not_move_a_walk",
        edits=(Edit("ledger/queries/history.py", "rows[limit - 1][-1] - 1 if", "rows[limit - 1][-1] - 2 if"),),
    ),
    Mutant(
        name="another-shops-transaction",
        breaks="one transaction is read by its id, whosever it is",
        promise="§4 Who may read what",
        test="tests/api/test_filters.py::TestOne::test_another_shops_is_not_there",
        edits=(Edit("ledger/queries/transaction.py", "AND t.account_id = %s", "AND (t.account_id = %s OR true)"),),
    ),
    Mutant(
        name="formula-in-csv",
        breaks="a spreadsheet computes what a merchant's text says",
        promise="§4 statement",
        test="tests/api/test_statement.py::"
        "test_what_a_spreadsheet_would_compute_is_text_in_csv_and_itself_in_json_lines",
        edits=(Edit("api/statement.py", "value.startswith(FORMULA)", "False"),),
    ),
    Mutant(
        name="failure-tells-of-itself",
        breaks="an answer says what went wrong inside",
        promise="§4 500",
        test="tests/api/test_envelope.py::test_a_failure_of_ours_tells_nothing_of_itself",
        edits=(Edit("api/app.py", "(Code.INTERNAL_ERROR)", '(Code.INTERNAL_ERROR, {"error": repr(error)})'),),
    ),
)
