# shellcheck shell=sh
# $1 port, $2 role. What the password was then does not matter.
printf '%s\n' '\set word `cat /tmp/pgbackrest/password`' \
  "set log_statement = none; alter role :\"who\" password :'word';" |
  psql -qX -v ON_ERROR_STOP=1 -v who="$2" -p "$1" -U "$2" -d postgres
