# shellcheck shell=sh
# The bytes on one output; on the other, in lines that begin with this word, what they are, their
# mode, and at the end their sum. Whatever else is said there (by a login shell, ssh, docker) is not.
say() { echo "slipway $*" >&2; }
if [ -d "$1" ]; then
  say folder "$(stat -c %a -- "$1")"
  { exec 3>&1; { tar -cf - -C "$1" . || say broken; } | tee /dev/fd/3 | { sum=$(sha256sum); say sum "$sum"; }; } | cat
elif [ -f "$1" ]; then
  say file "$(stat -c %a -- "$1")"; cat <"$1"; say sum "$(sha256sum <"$1")"
else echo "$1 is not there, or neither a file nor a folder" >&2; exit 1; fi
