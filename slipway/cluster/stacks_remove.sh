# shellcheck shell=sh
# $1 stack, $2 how often it looks whether that is gone, in place of 80 times
reason=$(docker stack rm "$1" 2>&1 >/dev/null) || true
tries=0
while [ -n "$(docker service ls -q --filter "label=com.docker.stack.namespace=$1")" ]; do
  tries=$((tries + 1))
  [ "$tries" -lt "${2:-80}" ] || { echo "${reason:-its services do not end}" >&2; exit 1; }
  sleep 0.5
done
