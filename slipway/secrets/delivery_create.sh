# shellcheck shell=sh
# Reads "name base64" lines; values come by stdin only.
while read -r name value; do
  printf '%s' "$value" | base64 -d |
    docker secret create --label "slipway.app=$1" "$name" - >/dev/null
done
