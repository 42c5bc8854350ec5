# shellcheck shell=sh
# $1: a service. Its lines as they come, until this command's own input ends.
docker service logs --follow --raw "$1" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null' EXIT
cat >/dev/null
