# shellcheck shell=sh
# Loads images saved by their digests, which come without tags: $1 $2 a digest and its tag, and so on.
# Prints the digests that are here then; one that came with another is not.
docker load >/dev/null
while [ $# -gt 0 ]; do
  case $2 in *@*) ;; *) docker tag "$1" "$2" || true ;; esac
  docker image inspect --format '{{.Id}}' "$1" || true
  shift 2
done
