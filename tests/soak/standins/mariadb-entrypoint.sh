#!/bin/sh
# As the official image starts: options alone are the server's, *_FILE names a password's file.
set -eu
for name in MYSQL_ROOT_PASSWORD MYSQL_PASSWORD; do
    eval "file=\${${name}_FILE:-}"
    if [ -n "$file" ]; then export "$name=$(cat "$file")"; fi
done
case "${1:-}" in -* | "") set -- mariadbd "$@" ;; esac
if [ ! -d /var/lib/mysql/mysql ]; then
    chown mysql:mysql /var/lib/mysql
    mariadb-install-db --user=mysql --datadir=/var/lib/mysql >/dev/null
    {
        echo "create database if not exists \`$MYSQL_DATABASE\`;"
        echo "create user root@'%' identified by '$MYSQL_ROOT_PASSWORD';"
        echo "grant all on *.* to root@'%' with grant option;"
        if [ -n "${MYSQL_USER:-}" ]; then
            echo "create user '$MYSQL_USER'@'%' identified by '$MYSQL_PASSWORD';"
            echo "grant all on \`$MYSQL_DATABASE\`.* to '$MYSQL_USER'@'%';"
        fi
    } >/tmp/init.sql
    chmod 644 /tmp/init.sql
    set -- "$@" --init-file=/tmp/init.sql
fi
exec gosu mysql "$@" --bind-address=0.0.0.0
