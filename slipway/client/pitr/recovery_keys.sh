# shellcheck shell=sh
# $1 live container, $2 ours. Keys go from memory to memory on that machine, in no argument. The
# password is that of the role which takes backups, where there is one.
docker exec "$1" sh -euc 'word=$POSTGRES_PASSWORD_FILE backup=$(dirname "$word")/DATABASE_BACKUP_PASSWORD
    [ ! -s "$PGDATA/slipway.roles" ] || [ ! -s "$backup" ] || word=$backup
    tar -ch -C /tmp/pgbackrest pgbackrest.conf ca.pem -C "$(dirname "$word")" "$(basename "$word")"' |
  docker exec -i "$2" sh -euc 'umask 077; mkdir -p /tmp/pgbackrest
    tar -x -C /tmp/pgbackrest --transform "s/^DATABASE_.*PASSWORD$/password/"'
