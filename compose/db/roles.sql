-- The roles of the database's server: an owner that nobody logs in as, and one for each part of the
-- work. `slipway.app` is the application's (DATABASE_USER); the others are called after it, and get
-- the passwords that are in `slipway.password_…`, in the clear or as SCRAM verifiers; an empty one
-- changes nothing.
--
-- Runs as a superuser at each start of `db`; of a server that is elsewhere, as its administrator,
-- once. What a provider does not let its administrator grant is said and gone without.
DO $roles$
DECLARE
    app constant text := current_setting('slipway.app');
    owner constant text := app || '_owner';
    is_superuser constant boolean := (SELECT rolsuper FROM pg_roles WHERE rolname = current_user);
    version constant integer := current_setting('server_version_num')::integer;
    part text;
    login text;
    granted text;
    grantee text;
BEGIN
    IF length(convert_to(app, 'UTF8')) > 54 THEN
        RAISE EXCEPTION 'DATABASE_USER is longer than 54 bytes, so no role can be called after it';
    END IF;
    IF app = current_user THEN
        RAISE EXCEPTION '% administrates this server: name another role in DATABASE_USER, and let '
            'the administrator run this', app;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = owner) THEN
        EXECUTE format('CREATE ROLE %I NOLOGIN', owner);
    END IF;
    EXECUTE format('ALTER ROLE %I NOLOGIN CREATEDB', owner);

    FOREACH part IN ARRAY ARRAY['app', 'migrator', 'reader', 'backup'] LOOP
        login := app || CASE part WHEN 'app' THEN '' ELSE '_' || part END;
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = login) THEN
            EXECUTE format('CREATE ROLE %I LOGIN', login);
        END IF;
        IF is_superuser THEN
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOREPLICATION NOBYPASSRLS', login);
        END IF;
        EXECUTE format('ALTER ROLE %I LOGIN NOCREATEDB NOCREATEROLE', login);
        IF current_setting('slipway.password_' || part) <> '' THEN
            EXECUTE format('ALTER ROLE %I PASSWORD %L', login,
                current_setting('slipway.password_' || part));
        END IF;
    END LOOP;

    -- Whatever a migration makes belongs to the owner, who may do all that the application may.
    EXECUTE format('GRANT %I TO %I', app, owner);
    EXECUTE format('GRANT %I TO %I', owner, app || '_migrator');
    EXECUTE format('ALTER ROLE %I SET role = %I', app || '_migrator', owner);
    EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', app || '_reader');
    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 20', app || '_reader');
    EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', app || '_backup');
    EXECUTE format('ALTER ROLE %I CONNECTION LIMIT 20', app || '_backup');
    IF is_superuser THEN
        IF to_regnamespace('public') IS NOT NULL THEN -- of the database that superusers come to
            REVOKE CREATE ON SCHEMA public FROM PUBLIC;
        END IF;
        -- Without a password it comes in over the socket alone, whatever pg_hba.conf says.
        EXECUTE format('ALTER ROLE %I PASSWORD NULL', (SELECT rolname FROM pg_roles WHERE oid = 10));
        -- A dump holds every row and every large object, whosever they are.
        EXECUTE format('ALTER ROLE %I BYPASSRLS', owner);
        EXECUTE format('ALTER ROLE %I BYPASSRLS', app || '_backup');
        EXECUTE format('ALTER ROLE %I SET lo_compat_privileges = on', app || '_backup');
    ELSE -- an administrator gives objects away only to roles that it is in
        EXECUTE format('GRANT %I, %I TO %I', owner, app, current_user);
    END IF;

    FOR granted, grantee IN
        VALUES ('pg_read_all_data', app || '_backup'), -- hashes of passwords are among it
            ('pg_monitor', app || '_reader'), ('pg_monitor', owner), ('pg_signal_backend', owner),
            ('pg_use_reserved_connections', app || '_migrator'),
            ('pg_use_reserved_connections', app || '_reader'),
            ('pg_use_reserved_connections', app || '_backup')
    LOOP
        BEGIN
            IF EXISTS (SELECT FROM pg_roles WHERE rolname = granted) THEN -- newer ones have more
                EXECUTE format('GRANT %I TO %I', granted, grantee);
            END IF;
        EXCEPTION WHEN insufficient_privilege THEN
            RAISE WARNING '% is not granted to %: %', granted, grantee, SQLERRM;
        END;
    END LOOP;
END
$roles$;
