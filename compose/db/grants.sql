-- What the roles may do in this database: the application reads and writes rows, the reader reads
-- them, and that is all.
-- Runs in each database, as its owner or as a superuser, after whatever made its tables; also in
-- those that a reset or a restore makes. What somebody takes away later stays away.
DO $grants$
DECLARE
    app constant text := current_setting('slipway.app');
    owner constant text := app || '_owner';
    readers constant text[] := ARRAY( -- where a backup may not read everything anyway
        SELECT rolname FROM pg_roles WHERE rolname = app || '_reader' OR rolname = app || '_backup'
            AND NOT pg_has_role(oid, 'pg_read_all_data', 'USAGE'));
    -- A superuser's, where it could not be given to the owner.
    owners constant oid[] := ARRAY(
        SELECT r.oid FROM pg_roles r, pg_roles self WHERE self.rolname = current_user
            AND (r.rolname = owner OR (r.oid = 10 AND self.rolsuper)));
    who text;
    writes text;
    uses text;
    defaults text;
    statement text;
BEGIN
    IF has_database_privilege(owner, current_database(), 'CREATE') THEN
        EXECUTE format('CREATE SCHEMA IF NOT EXISTS slipway AUTHORIZATION %I', owner);
    END IF;
    IF NOT EXISTS (
        SELECT FROM pg_default_acl d, aclexplode(d.defaclacl) a
        WHERE d.defaclrole = to_regrole(quote_ident(owner)) AND d.defaclnamespace = 0
            AND d.defaclobjtype = 'r' AND a.grantee = to_regrole(quote_ident(app))
    ) THEN
        IF to_regnamespace('public') IS NOT NULL THEN
            REVOKE CREATE ON SCHEMA public FROM PUBLIC; -- before PostgreSQL 15 everybody had it
        END IF;
        FOREACH who IN ARRAY app || readers LOOP
            writes := CASE who WHEN app THEN ', INSERT, UPDATE, DELETE' ELSE '' END;
            uses := CASE who WHEN app THEN ', USAGE' ELSE '' END;
            defaults := format('ALTER DEFAULT PRIVILEGES FOR ROLE %I GRANT ', owner);
            EXECUTE defaults || format('USAGE ON SCHEMAS TO %I', who);
            EXECUTE defaults || format('SELECT%s ON TABLES TO %I', writes, who);
            EXECUTE defaults || format('SELECT%s ON SEQUENCES TO %I', uses, who);
            FOR statement IN
                SELECT format('GRANT USAGE ON SCHEMA %I TO %I', nspname, who) FROM pg_namespace
                WHERE nspowner = ANY (owners) AND oid >= 16384 OR nspname = 'public'
                UNION ALL
                SELECT CASE relkind
                    WHEN 'S' THEN format('GRANT SELECT%s ON SEQUENCE %s TO %I', uses, oid::regclass, who)
                    ELSE format('GRANT SELECT%s ON %s TO %I', writes, oid::regclass, who) END
                FROM pg_class c
                WHERE relowner = ANY (owners) AND oid >= 16384
                    AND relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relpersistence <> 't'
                    AND NOT EXISTS (
                        SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass
                            AND d.objid = c.oid AND d.deptype = 'e')
            LOOP
                EXECUTE statement;
            END LOOP;
        END LOOP;
    END IF;

    -- Large objects are rows: whoever owns one may read it, write it and remove it.
    FOR statement IN
        SELECT format('ALTER LARGE OBJECT %s OWNER TO %I', oid, app) FROM pg_largeobject_metadata
        WHERE lomowner = ANY (owners)
    LOOP
        EXECUTE statement;
    END LOOP;

    -- The record of migrations, and whose database this is, are not the application's to change.
    IF to_regnamespace('slipway') IS NOT NULL THEN
        EXECUTE format('REVOKE ALL ON SCHEMA slipway FROM %I', app);
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA slipway FROM %I', app);
    END IF;
    IF to_regclass('public.schema_migrations') IS NOT NULL THEN
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE ON public.schema_migrations FROM %I', app);
    END IF;
END
$grants$;
