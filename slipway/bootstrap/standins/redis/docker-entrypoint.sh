#!/bin/sh
# As the official image: options are for redis-server, which owns /data, gives up root, and answers
# from other containers (protected-mode off) unless it is told otherwise.
set -e
case ${1:-} in
    -* | *.conf) set -- redis-server "$@" ;;
esac
if [ "$1" = redis-server ]; then
    if [ "$(id -u)" = 0 ]; then
        find . ! -user redis -exec chown redis:redis {} +
        exec setpriv --reuid=redis --regid=redis --init-groups "$0" "$@"
    fi
    umask 0077
    shift
    case ${1:-} in
        *.conf) config=$1 && shift && set -- redis-server "$config" --protected-mode no "$@" ;;
        *) set -- redis-server --protected-mode no "$@" ;;
    esac
fi
exec "$@"
