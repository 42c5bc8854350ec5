# shellcheck shell=sh
# stdin: a configuration of Caddy; $1 its port; then a Host, a path and who has to answer, each.
# Runs inside the edge's container, beside the Caddy that serves.
port=$1; shift
folder=$(mktemp -d)
cat >"$folder/config.json"
HOME=$folder XDG_DATA_HOME=$folder XDG_CONFIG_HOME=$folder \
  caddy run --config "$folder/config.json" >"$folder/log" 2>&1 &
pid=$!
trap 'kill $pid 2>/dev/null; wait $pid; rm -rf "$folder"' EXIT
is_up() {
  case $(wget -T 2 -O /dev/null "http://127.0.0.1:$port/" 2>&1) in *refused*) return 1 ;; esac
}
tries=0
until is_up; do
  tries=$((tries + 1))
  if [ $tries -gt 50 ] || ! kill -0 $pid; then tail -n 1 "$folder/log" >&2; exit 1; fi
  sleep 0.1
done
code=0
while [ $# -gt 0 ]; do
  answer=$(wget -q -T 8 -O - --header="Host: $1" "http://127.0.0.1:$port$2" 2>&1) || true
  [ "$answer" = "$3" ] || {
    echo "$1$2 is not answered by $3: ${answer:-nothing}" | tail -n 1 >&2
    code=1
  }
  shift 3
done
exit $code
