# shellcheck shell=sh
# $1 filters for the tags that are ours, a word each, then the tags to keep.
set -f
filters=$1; shift
# shellcheck disable=SC2086 # a word each
docker image ls $filters --format '{{.Repository}}:{{.Tag}}' |
while read -r tag; do
  for kept in "$@"; do [ "$tag" = "$kept" ] && continue 2; done
  docker image rm "$tag" >/dev/null 2>&1 && echo "$tag" || true
done
