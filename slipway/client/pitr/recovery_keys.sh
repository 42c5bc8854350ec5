# shellcheck shell=sh
# $1 live container, $2 ours. Keys go from memory to memory on that machine, in no argument.
docker exec "$1" sh -euc 'tar -ch -C /tmp/pgbackrest pgbackrest.conf ca.pem \
    -C "$(dirname "$POSTGRES_PASSWORD_FILE")" "$(basename "$POSTGRES_PASSWORD_FILE")"' |
  docker exec -i "$2" sh -euc 'umask 077; mkdir -p /tmp/pgbackrest
    tar -x -C /tmp/pgbackrest --transform "s/^DATABASE_PASSWORD$/password/"'
