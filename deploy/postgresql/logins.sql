-- Logins for the roles of roles.sql, with passwords from the environment (psql 14 or newer), made by an administrator.
-- It can be run again; a password that has changed is replaced:
--     psql "$OWNER_DATABASE_URL" -v ON_ERROR_STOP=1 -f deploy/postgresql/logins.sql
\getenv service_password DATABASE_SERVICE_PASSWORD
\getenv web_password DATABASE_WEB_PASSWORD
\getenv redaction_password DATABASE_REDACTION_PASSWORD

SELECT format('CREATE ROLE %I LOGIN', login)
    FROM unnest(ARRAY['credits_worker', 'credits_site', 'credits_eraser']) AS login
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) \gexec

BEGIN;
SET LOCAL log_statement = 'none';
ALTER ROLE credits_worker PASSWORD :'service_password';
ALTER ROLE credits_site PASSWORD :'web_password';
ALTER ROLE credits_eraser PASSWORD :'redaction_password';
GRANT credits_service TO credits_worker;
GRANT credits_web TO credits_site;
GRANT credits_redaction TO credits_eraser;
COMMIT;
