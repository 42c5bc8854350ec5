# shellcheck shell=sh
mine=$(docker config ls --quiet --filter "label=slipway.token=$2")
[ -n "$mine" ] || { echo lost; exit 0; }
beat="$1.beat.$2.$(date +%s)"
reason=$(printf x | docker config create --label "slipway.app=$1" --label "slipway.beats=$1" \
  "$beat" - 2>&1 >/dev/null) || docker config inspect "$beat" >/dev/null 2>&1 ||
  { echo "$reason" >&2; exit 1; }
docker config ls --filter "label=slipway.beats=$1" --format '{{.Name}}' |
  grep -vxF "$beat" | xargs -r docker config rm >/dev/null 2>&1 || true
