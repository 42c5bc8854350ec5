# shellcheck shell=sh
# $1 port, more: options. Prints the server's log until it serves (0) or has ended (1).
printf 'local all all trust\nhost all all all scram-sha-256\n' >/tmp/hba
: >/tmp/log
sleep infinity & # until this ends the log is printed; then its last lines are
run=$!
tail -n +1 -s 0.2 --pid="$run" -f /tmp/log &
printing=$!
end() { kill "$run"; wait "$printing"; exit "$1"; }

# Its subscriptions must not take from a publisher what belongs to the live server's: no workers.
# Returns when the server has begun to apply changes, which may take days; or with what it ended.
pg_ctl --wait --timeout=8640000 -s -l /tmp/log start -o "${2:-} -c port=$1 -c hba_file=/tmp/hba \
  -c archive_mode=off -c hot_standby=off -c fsync=off -c full_page_writes=off -c autovacuum=off \
  -c ssl=off -c max_logical_replication_workers=0 -c logging_collector=off -c log_destination=stderr -c lc_messages=C \
  -c log_timezone=UTC -c log_statement=none -c unix_socket_directories=/var/run/postgresql" \
  >/dev/null 2>&1 || end 1
while [ -s "$PGDATA/postmaster.pid" ]; do
  ! grep -q 'ready to accept connections' /tmp/log || end 0
  sleep 0.3
done
end 1
