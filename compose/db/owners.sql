-- Gives this database, and all in it that a superuser or the application owns, to the owner: once,
-- when it has no roles yet. What extensions made stays theirs. Subscriptions, event triggers and
-- foreign data wrappers want a superuser as their owner, and keep theirs.
DO $owners$
DECLARE
    app constant text := current_setting('slipway.app');
    owner constant text := app || '_owner';
    old constant oid[] := ARRAY(
        SELECT r.oid FROM pg_roles r, pg_roles self
        WHERE self.rolname = current_user
            AND (r.rolname IN (app, app || '_migrator') OR (r.oid = 10 AND self.rolsuper)));
    statement text;
    moved integer := 0;
BEGIN
    IF EXISTS (SELECT FROM pg_default_acl WHERE defaclrole = to_regrole(quote_ident(owner))) THEN
        RETURN;
    END IF;
    IF (SELECT datdba FROM pg_database WHERE datname = current_database()) = ANY (old) THEN
        EXECUTE format('ALTER DATABASE %I OWNER TO %I', current_database(), owner);
    END IF;
    FOR statement IN
        WITH object (class, oid, role, place) AS (
            SELECT 'pg_namespace'::regclass, oid, nspowner, 0 FROM pg_namespace
            WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
            UNION ALL
            SELECT 'pg_class', c.oid, relowner, CASE WHEN relkind IN ('v', 'm') THEN 2 ELSE 1 END
            FROM pg_class c
            WHERE relkind IN ('r', 'p', 'f', 'v', 'm', 'S') AND relpersistence <> 't'
                AND NOT EXISTS ( -- the sequence of a column goes with its table
                    SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = c.oid
                        AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i')
                        AND relkind = 'S')
            UNION ALL
            SELECT 'pg_type', t.oid, typowner, 3 FROM pg_type t LEFT JOIN pg_class c ON c.oid = typrelid
            WHERE typtype IN ('b', 'c', 'd', 'e', 'r') AND coalesce(c.relkind, 'c') = 'c'
                AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = t.oid)
            UNION ALL SELECT 'pg_proc', oid, proowner, 4 FROM pg_proc
            UNION ALL SELECT 'pg_collation', oid, collowner, 4 FROM pg_collation
            UNION ALL SELECT 'pg_conversion', oid, conowner, 4 FROM pg_conversion
            UNION ALL SELECT 'pg_operator', oid, oprowner, 4 FROM pg_operator
            UNION ALL SELECT 'pg_opfamily', oid, opfowner, 4 FROM pg_opfamily
            UNION ALL SELECT 'pg_opclass', oid, opcowner, 5 FROM pg_opclass
            UNION ALL SELECT 'pg_ts_config', oid, cfgowner, 4 FROM pg_ts_config
            UNION ALL SELECT 'pg_ts_dict', oid, dictowner, 4 FROM pg_ts_dict
            UNION ALL SELECT 'pg_statistic_ext', oid, stxowner, 4 FROM pg_statistic_ext
            UNION ALL SELECT 'pg_publication', oid, pubowner, 4 FROM pg_publication
            UNION ALL SELECT 'pg_foreign_server', oid, srvowner, 4 FROM pg_foreign_server
        )
        SELECT format('ALTER %s %s OWNER TO %I',
            CASE named.type WHEN 'statistics object' THEN 'STATISTICS'
                WHEN 'composite type' THEN 'TYPE' ELSE upper(named.type) END,
            named.identity, owner)
        FROM object o, pg_identify_object(o.class, o.oid, 0) named
        WHERE o.role = ANY (old) AND (o.oid >= 16384 OR o.oid = to_regnamespace('public'))
            AND NOT EXISTS (
                SELECT FROM pg_depend d
                WHERE d.classid = o.class AND d.objid = o.oid AND d.deptype = 'e')
        ORDER BY o.place, o.oid
    LOOP
        BEGIN
            EXECUTE statement;
            moved := moved + 1;
        EXCEPTION WHEN OTHERS THEN -- a publication of all tables, for one, needs a superuser
            RAISE WARNING '%: %; it stays with its owner', statement, SQLERRM;
        END;
    END LOOP;
    IF moved > 0 THEN
        RAISE INFO '% objects of % belong to % now', moved, current_database(), owner;
    END IF;
END
$owners$;
