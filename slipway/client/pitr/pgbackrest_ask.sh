# shellcheck shell=sh
# $1 SQL, then more. The image lets whoever is inside in, as its own health check does; any role
# knows what the superuser is called.
app=${POSTGRES_USER:-postgres}
who=$(psql -qAtX -v ON_ERROR_STOP=1 -U "$app" -d postgres -c "select rolname from pg_roles where oid = 10")
for sql; do
  psql -qAtX -v ON_ERROR_STOP=1 -U "$who" -d postgres -c "$sql"
done
