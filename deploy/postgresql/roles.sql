-- Who may do what in the database. Run it after each `manage.py migrate`, as the tables' owner or an administrator:
--     psql "$OWNER_DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/postgresql/roles.sql
-- It can be run again at any time, also while the service runs: what it grants is replaced in one transaction.
--
-- These are roles without a login; a login is made a member of one (logins.sql does that: credits_worker, credits_site and
-- credits_eraser).
--   credits_service    workers, beat and `manage.py audit|prune|simulate|rebuild|outbox`: the ledger's tables, and of them no more than
--                      it does: transactions are added and read, never changed
--   credits_web        the web processes and `manage.py account|parked|createsuperuser`: what credits_service may, and staff's tables
--   credits_redaction  `manage.py redact` alone: may empty what is personal in transactions and stored messages
--   credits_reader     audit and reports: reads the ledger's tables, writes nothing
-- The owner alone migrates. The triggers of the tables hold for the owner too.
BEGIN;

DO $$
DECLARE
    wanted text;
BEGIN
    FOREACH wanted IN ARRAY ARRAY['credits_service', 'credits_web', 'credits_redaction', 'credits_reader'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', wanted);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL; -- somebody else's run of this script has made it meanwhile: roles belong to all databases
            END;
        END IF;
    END LOOP;
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format(
        'GRANT CONNECT ON DATABASE %I TO credits_service, credits_web, credits_redaction, credits_reader',
        current_database()
    );
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, credits_service, credits_web, credits_redaction, credits_reader;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA public FROM PUBLIC, credits_service, credits_web, credits_redaction, credits_reader;
GRANT USAGE ON SCHEMA public TO credits_service, credits_web, credits_redaction, credits_reader;

-- Everybody reads the ledger, and which migrations there are.
GRANT SELECT ON
    credit_accounts, credit_account_changes, credit_adjustments, credit_holds, credit_lots, credit_outbox,
    credit_outbox_batches, credit_parked, credit_parked_acts, credit_redactions, credit_replay_outcomes,
    credit_shop_differences, credit_transactions, credit_waiting, django_migrations
    TO credits_service, credits_web, credits_redaction, credits_reader;

-- What is only ever added.
GRANT INSERT ON credit_transactions, credit_account_changes, credit_shop_differences TO credits_service, credits_web;
-- What is added and moves on.
GRANT INSERT, UPDATE ON credit_accounts, credit_lots, credit_holds TO credits_service, credits_web;
-- What leaves when it is done with.
GRANT INSERT, UPDATE, DELETE ON
    credit_outbox, credit_outbox_batches, credit_parked, credit_replay_outcomes, credit_waiting
    TO credits_service, credits_web;
GRANT INSERT, DELETE ON credit_parked_acts TO credits_service, credits_web;
GRANT USAGE ON SEQUENCE
    credit_account_changes_id_seq, credit_parked_id_seq, credit_replay_outcomes_id_seq, credit_shop_differences_id_seq,
    credit_waiting_id_seq
    TO credits_service, credits_web;

-- Staff: who they are, their sessions, what they failed to sign in with, what they ask for.
GRANT INSERT, UPDATE ON credit_adjustments TO credits_web;
GRANT SELECT ON django_content_type, auth_permission TO credits_web;
GRANT SELECT, INSERT ON django_admin_log TO credits_web;
GRANT SELECT, INSERT, UPDATE, DELETE ON
    auth_group, auth_group_permissions, auth_user, auth_user_groups, auth_user_user_permissions, django_session,
    axes_accessattempt, axes_accessattemptexpiration, axes_accessfailurelog, axes_accesslog
    TO credits_web;
GRANT USAGE ON SEQUENCE
    auth_group_id_seq, auth_group_permissions_id_seq, auth_user_id_seq, auth_user_groups_id_seq,
    auth_user_user_permissions_id_seq, django_admin_log_id_seq, axes_accessattempt_id_seq, axes_accessfailurelog_id_seq,
    axes_accesslog_id_seq
    TO credits_web;

-- Erasure: of a transaction those three columns, and the trigger lets them be emptied only.
GRANT UPDATE (description, metadata, salt) ON credit_transactions TO credits_redaction;
GRANT UPDATE ON credit_outbox, credit_parked, credit_parked_acts, credit_replay_outcomes, credit_waiting
    TO credits_redaction;
GRANT INSERT ON credit_parked_acts, credit_redactions TO credits_redaction;
GRANT USAGE ON SEQUENCE credit_redactions_id_seq TO credits_redaction;

COMMIT;
