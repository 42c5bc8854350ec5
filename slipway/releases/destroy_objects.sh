# shellcheck shell=sh
for kind in secret config; do
  ids=$(docker $kind ls --quiet --filter "label=slipway.app=$1")
  # shellcheck disable=SC2086 # a word each
  [ -z "$ids" ] || docker "$kind" rm $ids
done
i=0
while ids=$(docker network ls --quiet --filter "label=slipway.app=$1") && [ -n "$ids" ]; do
  # shellcheck disable=SC2086 # a word each
  docker network rm $ids >/dev/null 2>&1 || sleep 0.5
  i=$((i+1)); [ $i -lt 60 ] || { echo "a network is still in use" >&2; exit 1; }
done
