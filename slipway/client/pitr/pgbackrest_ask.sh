# shellcheck shell=sh
# $1 SQL, then more. The image lets whoever is inside in, as its own health check does.
for sql; do
  psql -qAtX -v ON_ERROR_STOP=1 -U "${POSTGRES_USER:-postgres}" -d postgres -c "$sql"
done
