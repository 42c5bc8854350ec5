# shellcheck shell=sh
# $1 environment, $2 token of the lease, $3 release, $4 colour, $5 share, $6 seconds, $7 who, $8 commit.
# Prints when it began, by this manager's clock. What a deploy that was killed had left goes first.
now=$(date +%s)
docker config ls --quiet --filter "label=slipway.canary=$1" | xargs -r docker config rm >/dev/null 2>&1 || true
printf x | docker config create --label "slipway.app=$1" --label "slipway.canary=$1" \
  --label "slipway.token=$2" --label "slipway.release=$3" --label "slipway.colour=$4" \
  --label "slipway.share=$5" --label "slipway.since=$now" --label "slipway.until=$((now + $6))" \
  --label "slipway.by=$7" --label "slipway.commit=$8" "$1.canary" - >/dev/null
echo "$now"
