# shellcheck shell=sh
# $1 environment, $2 stack of the colour, $3 colour, $4 release, $5 minutes, then services to stop.
# Prints until when it is warm. Ids, since the timer must not meet what a deploy starts in its place.
app=$1 stack=$2 colour=$3 release=$4 minutes=$5
shift 5
[ $# -eq 0 ] || reason=$(docker service rm "$@" 2>&1 >/dev/null) || case $reason in
  *"not found"* | *"o such service"*) ;;
  *) echo "$reason" >&2; exit 1 ;;
esac
by="label=com.docker.stack.namespace=$stack"
services=$(docker service ls --quiet --filter "$by" | tr '\n' ' ')
networks=$(docker network ls --quiet --no-trunc --filter "$by" | tr '\n' ' ')
until=$(($(date +%s) + minutes * 60))
docker config rm "$app.warm" >/dev/null 2>&1 || true
printf x | docker config create --label "slipway.app=$app" --label "slipway.warm=$app" \
  --label "slipway.colour=$colour" --label "slipway.release=$release" --label "slipway.until=$until" \
  --label "slipway.services=${services% }" --label "slipway.networks=${networks% }" \
  "$app.warm" - >/dev/null
echo "$until"
