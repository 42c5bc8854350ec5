#!/bin/bash
# Prepares PGDATA on the first start, then becomes the server. Settings are those of the official
# image: POSTGRES_USER, POSTGRES_PASSWORD, POSTGRES_DB, POSTGRES_INITDB_ARGS,
# POSTGRES_HOST_AUTH_METHOD, each also as NAME_FILE, and /docker-entrypoint-initdb.d.
set -euo pipefail

say() { printf '%s\n' "docker-entrypoint: $*" >&2; }

# setting NAME [DEFAULT]: export NAME from NAME_FILE, NAME or DEFAULT.
setting() {
    local name=$1 file="$1_FILE"
    if [ -n "${!file:-}" ]; then
        [ -z "${!name:-}" ] || { say "$name and $file are both set"; exit 1; }
        printf -v "$name" '%s' "$(<"${!file}")"
    fi
    [ -n "${!name:-}" ] || printf -v "$name" '%s' "${2:-}"
    export "${name?}"
    unset "$file"
}

# refuse_old_place: from 18 on the volume is /var/lib/postgresql. At the place of before, or beside
# the data of an earlier version, the official image does not start either.
refuse_old_place() {
    [ "$PGDATA" = "/var/lib/postgresql/$PG_MAJOR/docker" ] || return 0
    local found='' each
    for each in /var/lib/postgresql /var/lib/postgresql/data /var/lib/postgresql/*/docker; do
        [ ! -s "$each/PG_VERSION" ] || found=$each
    done
    ! mountpoint -q /var/lib/postgresql/data || found=${found:-/var/lib/postgresql/data (a mount)}
    [ -z "$found" ] || {
        say "in 18+, these Docker images keep their data below /var/lib/postgresql, one folder" \
            "for each version; there is $found; mount an empty volume at /var/lib/postgresql"
        exit 1
    }
}

# The cluster is made in a folder inside PGDATA and moved up at the end, PG_VERSION last: a start
# that was cut short is recognised, cleared away and begun anew; finished data are never touched.
prepare() {
    local draft=$PGDATA/.initdb
    if [ -e "$draft" ]; then
        say "an earlier first start was cut short; beginning anew"
        find "$PGDATA" -mindepth 1 -delete
    elif [ -n "$(find "$PGDATA" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit)" ]; then
        say "$PGDATA holds files but no database; give an empty volume"
        exit 1
    fi
    setting POSTGRES_USER postgres
    setting POSTGRES_PASSWORD
    setting POSTGRES_DB "$POSTGRES_USER"
    setting POSTGRES_INITDB_ARGS
    setting POSTGRES_HOST_AUTH_METHOD scram-sha-256
    if [ -z "$POSTGRES_PASSWORD" ] && [ "$POSTGRES_HOST_AUTH_METHOD" != trust ]; then
        say "POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE is required"
        exit 1
    fi
    # shellcheck disable=SC2086  # the arguments are meant to be split
    initdb --pgdata="$draft" --username="$POSTGRES_USER" \
        --pwfile=<(printf '%s\n' "$POSTGRES_PASSWORD") $POSTGRES_INITDB_ARGS >/dev/null
    printf '\nhost all all all %s\n' "$POSTGRES_HOST_AUTH_METHOD" >>"$draft/pg_hba.conf"

    fill "$draft"

    rm -f -- "$draft/postmaster.opts" "$draft/postmaster.pid"
    find "$draft" -mindepth 1 -maxdepth 1 ! -name PG_VERSION -exec mv -t "$PGDATA" -- {} +
    mv -- "$draft/PG_VERSION" "$PGDATA/"
    rmdir -- "$draft"
    sync -f "$PGDATA"
    chmod 700 "$PGDATA" 2>/dev/null || : # not ours to change on some volumes
    say "the database is ready for its first start"
}

# fill DRAFT: make the database and run the project's own scripts, on a server only we can reach.
fill() {
    local file sockets
    sockets=$(mktemp -d)
    export PGHOST=$sockets PGPASSWORD=$POSTGRES_PASSWORD
    pg_ctl -D "$1" -w -s -o "-c listen_addresses='' -c unix_socket_directories='$sockets' -c fsync=off" start
    if [ "$POSTGRES_DB" != postgres ]; then
        psql -v ON_ERROR_STOP=1 -qX -U "$POSTGRES_USER" -d postgres -v db="$POSTGRES_DB" \
            <<<'CREATE DATABASE :"db";'
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case $file in
            *.sh) say "running $file"; if [ -x "$file" ]; then "$file"; else . "$file"; fi ;;
            *.sql) say "running $file"; psql -v ON_ERROR_STOP=1 -qX --no-password -U "$POSTGRES_USER" -d "$POSTGRES_DB" -f "$file" ;;
            *.sql.gz) say "running $file"; gunzip -c "$file" | psql -v ON_ERROR_STOP=1 -qX --no-password -U "$POSTGRES_USER" -d "$POSTGRES_DB" ;;
        esac
    done
    pg_ctl -D "$1" -m fast -w -s stop
    rm -rf -- "$sockets"
    unset PGHOST PGPASSWORD
}

if [ "${1:0:1}" = - ]; then
    set -- postgres "$@"
fi
if [ "$1" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then # as the official image: own the folders, then drop to postgres
        mkdir -p "$PGDATA" /var/run/postgresql
        find "$PGDATA" ! -user postgres -exec chown postgres:postgres {} +
        chown postgres:postgres /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    [ -s "$PGDATA/PG_VERSION" ] || refuse_old_place
    mkdir -p "$PGDATA"
    [ -s "$PGDATA/PG_VERSION" ] || prepare
    unset POSTGRES_PASSWORD
fi
exec "$@"
