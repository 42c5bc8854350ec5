# shellcheck shell=sh
# Words of two: an address and the statuses that are an answer, 200-299,404-404; without any it is
# host:port, and that it takes a connection is enough. Runs inside the edge's container. What fails
# first is printed: its number, a tab, what it answered. What comes after -- is left alone.
ask() { # URL STATUSES: a redirection, which wget follows, has the status of its own
  said=$(wget -S -T 5 -O /dev/null "$1" 2>&1) && code=0 || code=$?
  line=$(printf '%s\n' "$said" | sed -n 's|^ *HTTP/[0-9.]* *||p' | head -n 1 | tr -d '\r')
  status=${line%% *}
  for range in $(printf '%s' "$2" | tr , ' '); do
    # What is to be well is to come whole.
    case $status-$code in 2??-0 | [1345]??-*) ;; *) continue ;; esac
    [ "$status" -lt "${range%-*}" ] || [ "$status" -gt "${range#*-}" ] || return 0
  done
  to=$(printf '%s\n' "$said" | sed -n 's|^ *[Ll]ocation: *| to |p' | head -n 1 | tr -d '\r')
  case $status-$code in
    3??-*) said="it answers $line$to" ;;
    [145]??-* | 2??-0) said="it answers $line" ;;
    2??-*) said="it answers $line, and the rest does not come: $(printf '%s\n' "$said" | tail -n 1)" ;;
  esac
  return 1
}
connect() { # HOST:PORT: 143 and 124 are of the limit, which comes once it is connected
  said=$(timeout 5 busybox nc -w 2 "${1%:*}" "${1##*:}" 2>&1 </dev/null >/dev/null) && code=0 || code=$?
  case $code in 0 | 124 | 143) return 0 ;; esac
  said=${said:-it takes no connection}
  return 1
}
number=0
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  if [ -n "$2" ]; then ask "$1" "$2"; else connect "$1"; fi || {
    printf '%s\t%s\n' "$number" "$(printf '%s\n' "$said" | tail -n 1)" >&2
    exit 1
  }
  number=$((number + 1))
  shift 2
done
[ $# -eq 0 ] || shift
