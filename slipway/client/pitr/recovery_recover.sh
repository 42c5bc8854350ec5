# shellcheck shell=sh
# $1 port, more: options. Prints the server's log until it serves (0) or has ended (1).
printf 'local all all trust\nhost all all all scram-sha-256\n' >/tmp/hba
: >/tmp/log
pg_ctl -W -s -l /tmp/log start -o "${2:-} -c port=$1 -c hba_file=/tmp/hba -c archive_mode=off \
  -c hot_standby=off -c fsync=off -c full_page_writes=off -c autovacuum=off -c ssl=off \
  -c logging_collector=off -c log_destination=stderr -c lc_messages=C -c log_timezone=UTC \
  -c log_statement=none -c unix_socket_directories=/var/run/postgresql"
tail -n +1 -F /tmp/log 2>/dev/null &
for _ in 1 2 3 4 5; do [ -s "$PGDATA/postmaster.pid" ] || sleep 0.2; done
while [ -s "$PGDATA/postmaster.pid" ]; do
  if grep -q 'ready to accept connections' /tmp/log; then kill $!; exit 0; fi
  sleep 0.3
done
sleep 1
kill $!
exit 1
