"""Mutants of the outbox: leases, marks, batches that are taken apart, and what staff have published again."""

from tests.mutants.mutant import Edit, Mutant

WRITE = "ledger/journal/write.py"
OUTBOX = "ledger/journal/outbox.py"
UPKEEP = "ledger/journal/outbox_upkeep.py"
DIALECT = "ledger/dialect.py"
LEASE = "tests/ledger/test_outbox_lease.py"

MUTANTS = (
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
)
