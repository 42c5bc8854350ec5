-- Where the application's role is the server's first superuser, as Slipway once made it: that one,
-- which can be neither demoted nor removed, gets another name, and the application a new role with
-- its own name and settings. Both happen in one transaction.
CREATE ROLE slipway_renames SUPERUSER; -- a session cannot rename its own role
SET SESSION AUTHORIZATION slipway_renames;
DO $rename$
DECLARE
    app constant text := current_setting('slipway.app');
    superuser constant text := CASE
        WHEN EXISTS (SELECT FROM pg_roles WHERE rolname = 'postgres') THEN app || '_superuser'
        ELSE 'postgres' END;
BEGIN
    EXECUTE format('ALTER ROLE %I RENAME TO %I', app, superuser);
    EXECUTE format('CREATE ROLE %I LOGIN', app);
    -- Its time zone, its timeouts: exactly as they are written, which ALTER ROLE would not say.
    UPDATE pg_db_role_setting SET setrole = to_regrole(quote_ident(app)) WHERE setrole = 10;
    RAISE INFO 'the superuser % is called % now; % reads and writes rows only', app, superuser, app;
END
$rename$;
RESET SESSION AUTHORIZATION;
DROP ROLE slipway_renames;
