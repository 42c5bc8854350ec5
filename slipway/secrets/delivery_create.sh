# shellcheck shell=sh
# Reads "name base64" lines; values come by stdin only. A version that is there has that very value.
while read -r name value; do
  ! docker secret inspect "$name" >/dev/null 2>&1 || continue
  printf '%s' "$value" | base64 -d |
    docker secret create --label "slipway.app=$1" "$name" - >/dev/null
done
