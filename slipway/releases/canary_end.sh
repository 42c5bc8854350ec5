# shellcheck shell=sh
# $1 environment
docker config ls --quiet --filter "label=slipway.canary=$1" | xargs -r docker config rm >/dev/null
