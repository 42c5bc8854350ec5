# shellcheck shell=sh
# $1 app, $2 the network, then options of `docker network create`
app=$1; name=$2; shift 2
docker network inspect "$name" >/dev/null 2>&1 ||
  docker network create --driver overlay --label "slipway.app=$app" "$@" "$name" >/dev/null
