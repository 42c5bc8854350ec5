# shellcheck shell=sh
# $1 target, $2 the name of its draft, $3 SHA-256, $4 mode, $5 the source's name. Says the target.
[ ! -d "$1" ] || set -- "${1%/}/$5" "$2" "$3" "$4"
d=$(dirname -- "$1")/$2; trap 'rm -rf "$d" "$d.sum"' EXIT
