# shellcheck shell=sh
# Loads images saved by their digests, which come without tags: $1 $2 a digest and its tag, and so on.
docker load
while [ $# -gt 0 ]; do
  # One that comes with another digest is found missing afterwards.
  case $2 in *@*) ;; *) docker tag "$1" "$2" || true ;; esac
  shift 2
done
