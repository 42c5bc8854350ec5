# shellcheck shell=sh
# $1 repositories whose `src-` tags are ours, a word each, then the tags to keep.
set -f
repositories=$1; shift
for repository in $repositories; do
  docker image ls --filter "reference=$repository:src-*" --format '{{.Repository}}:{{.Tag}}'
done |
while read -r tag; do
  for kept in "$@"; do [ "$tag" = "$kept" ] && continue 2; done
  docker image rm "$tag" >/dev/null 2>&1 && echo "$tag" || true
done
