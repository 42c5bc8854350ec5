# shellcheck shell=sh
mine=$(docker config ls --quiet --filter "label=slipway.token=$2")
[ -n "$mine" ] || { echo lost; exit 0; }
beat="$1.beat.$2.$(date +%s)"
printf x | docker config create --label "slipway.app=$1" --label "slipway.beats=$1" \
  "$beat" - >/dev/null 2>&1 || docker config inspect "$beat" >/dev/null
docker config ls --filter "label=slipway.beats=$1" --format '{{.Name}}' |
  grep -vxF "$beat" | xargs -r docker config rm >/dev/null 2>&1 || true
