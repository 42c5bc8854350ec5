# shellcheck shell=sh
# $1 project, then the tags to keep. Only images this project built have its name.
project=$1; shift
docker image ls --filter "reference=$project/*:src-*" --format '{{.Repository}}:{{.Tag}}' |
while read -r tag; do
  for kept in "$@"; do [ "$tag" = "$kept" ] && continue 2; done
  docker image rm "$tag" >/dev/null 2>&1 && echo "$tag" || true
done
