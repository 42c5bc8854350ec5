# shellcheck shell=sh
# $1 an image. Prints "sh" where it has a shell, then its entrypoint and its command as JSON; nothing
# runs in it.
id=$(docker create "$1" -)
if docker cp "$id:/bin/sh" - >/dev/null 2>&1; then echo sh; else echo none; fi
docker rm "$id" >/dev/null
docker image inspect --format '{{json .Config.Entrypoint}}' "$1"
docker image inspect --format '{{json .Config.Cmd}}' "$1"
