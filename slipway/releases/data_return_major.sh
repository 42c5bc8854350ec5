# shellcheck shell=sh
# $1 an image. Prints "here" where this machine has it, then the major version of its PostgreSQL.
settings=$(docker image inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$1" 2>/dev/null) || exit 0
echo here
major=$(printf '%s\n' "$settings" | sed -n 's/^PG_MAJOR=//p')
# Another image than the official ones need not say so, but its server does.
[ -n "$major" ] || major=$(docker run --rm --network none --entrypoint postgres "$1" --version 2>/dev/null |
  sed -n 's/^postgres (PostgreSQL) \([0-9]*\).*/\1/p')
echo "$major"
