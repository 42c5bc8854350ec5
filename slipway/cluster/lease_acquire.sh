# shellcheck shell=sh
reason=$(printf x | docker config create --label "slipway.app=$1" --label "slipway.token=$2" \
  --label "slipway.owner=$3" --label "slipway.reason=$4" --label "slipway.at=$(date +%s)" \
  --label "slipway.process=$5" --label "slipway.held=$6" \
  "$1.lease" - 2>&1 >/dev/null) && echo taken && exit 0
# Ours already, where a manager was lost after it had done this.
token=$(docker config inspect "$1.lease" --format '{{index .Spec.Labels "slipway.token"}}' 2>/dev/null) || true
[ "$token" = "$2" ] && echo taken && exit 0
# Nobody holds it, so it failed for another reason, unless the lease was released in between.
case $token-$reason in
  -*"already exists"*) ;;
  -*) echo "$reason" >&2; exit 1 ;;
esac
