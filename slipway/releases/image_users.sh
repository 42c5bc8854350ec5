# shellcheck shell=sh
# $1 an image. Prints its /etc/passwd, a line "--", its /etc/group; nothing runs in it.
id=$(docker create "$1" -)
users=$(docker cp "$id:/etc/passwd" - 2>/dev/null | tar -xO 2>/dev/null || true)
groups=$(docker cp "$id:/etc/group" - 2>/dev/null | tar -xO 2>/dev/null || true)
docker rm "$id" >/dev/null
printf '%s\n--\n%s\n' "$users" "$groups"
