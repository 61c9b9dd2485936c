-- The writes of one consume_many of 500 items by PostgreSQL alone, out of rows that it makes itself: nothing is parsed,
-- planned, hashed or published. One run takes one credit from each of 500 accounts, under their locks, as the journal
-- does, in one statement; another then marks their events as published.
\set first 500 * random(0, 1)
BEGIN;
SELECT count(*) FROM (
    SELECT id FROM credit_accounts WHERE platform_shop_id::int >= :first AND platform_shop_id::int < :first + 500
    ORDER BY merchant_id FOR NO KEY UPDATE) locked;
WITH batch AS MATERIALIZED (
    SELECT gen_random_uuid() AS id, gen_random_uuid() AS outbox_id, gen_random_uuid()::text AS reference_id,
        account.id AS account_id, lot.id AS lot_id, account.merchant_id, account.rows, account.sequence,
        account.event_sequence, account.balance, account.total_granted, account.total_consumed, account.total_expired,
        clock_timestamp() AS now
    FROM credit_accounts account
    JOIN credit_lots lot ON lot.account_id = account.id AND lot.is_open AND lot.reference_type = 'purchase'
    WHERE account.platform_shop_id::int >= :first AND account.platform_shop_id::int < :first + 500
), transactions AS (
    INSERT INTO credit_transactions (id, account_id, merchant_id, number, sequence, status, kind, operation, amount,
        stated_amount, balance_before, balance_after, total_granted, total_consumed, total_expired, reference_type,
        reference_id, allocations, terms, reason, description, metadata, actor, correlation_id, created_at, salt,
        content_digest, digest)
    SELECT id, account_id, merchant_id, rows + 1, sequence + 1, 'posted', 'consume', 'debit', 1, 1, balance,
        balance - 1, total_granted, total_consumed + 1, total_expired, 'job', reference_id,
        jsonb_build_array(jsonb_build_array(lot_id, 1)), '{}', '', '', '{}', '', reference_id, now, '', '',
        repeat('0', 64)
    FROM batch ORDER BY reference_id
), accounts AS (
    UPDATE credit_accounts SET balance = batch.balance - 1, total_consumed = batch.total_consumed + 1,
        sequence = batch.sequence + 1, event_sequence = batch.event_sequence + 1, rows = batch.rows + 1,
        head = repeat('0', 64), updated_at = now
    FROM batch WHERE credit_accounts.id = batch.account_id
), lots AS (
    UPDATE credit_lots SET remaining = remaining - 1 FROM batch WHERE credit_lots.id = batch.lot_id
), outbox_batch AS (
    INSERT INTO credit_outbox_batches (id, destination, size, publish_after)
    VALUES (gen_random_uuid(), 'event', 500, now() + interval '5 s') RETURNING id AS outbox_batch_id
)
INSERT INTO credit_outbox (id, batch_id, destination, name, event_type, body, account_id, account_sequence, transaction_id,
    correlation_id, traceparent, created_at)
SELECT outbox_id, outbox_batch_id, 'event', 'evt.credits.consumed.v1', 'evt.credits.consumed.v1', jsonb_build_object(
        'event_id', id, 'event_type', 'evt.credits.consumed.v1', 'correlation_id', reference_id,
        'source_service', 'credit-service', 'timestamp', now, 'data', jsonb_build_object('merchant_id', merchant_id,
            'amount', 1, 'balance', balance - 1, 'reference_type', 'job', 'reference_id', reference_id,
            'platform_name', 'shopify'),
        'metadata', jsonb_build_object('account_sequence', event_sequence + 1, 'transaction_sequence', sequence + 1)),
    account_id, event_sequence + 1, id, reference_id, '', now
FROM batch, outbox_batch;
COMMIT;
UPDATE credit_outbox_batches SET published_at = clock_timestamp() WHERE id IN (
    SELECT id FROM credit_outbox_batches WHERE published_at IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED);
