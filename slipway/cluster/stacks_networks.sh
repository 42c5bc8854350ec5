# shellcheck shell=sh
app=$1; shift
for name in "$@"; do
  docker network inspect "$name" >/dev/null 2>&1 ||
    docker network create --driver overlay --label "slipway.app=$app" "$name" >/dev/null
done
