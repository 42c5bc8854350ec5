# shellcheck shell=sh
# $1 app, $2 service, $3 token, $4 owner, $5 process. Prints "taken ID", or what holds it: the clock,
# the config as JSON, and how each task of its stack stands, a word a line.
name=$1.run.$2
show() { docker config inspect "$name" --format "$1" 2>/dev/null; }
reason=$(printf x | docker config create --label "slipway.app=$1" --label "slipway.run=$2" \
  --label "slipway.token=$3" --label "slipway.owner=$4" --label "slipway.at=$(date +%s)" \
  --label "slipway.process=$5" "$name" - 2>&1 >/dev/null) || true
token=$(show '{{index .Spec.Labels "slipway.token"}}') || true
[ "$token" = "$3" ] && show 'taken {{.ID}}' && exit 0
case $token-$reason in
  -*"already exists"*) ;;
  -*) echo "$reason" >&2; exit 1 ;;
esac
date +%s
show '{{json .}}' || echo null
docker stack ps "$1-$2" --format '{{.CurrentState}}' 2>/dev/null | cut -d' ' -f1 || true
