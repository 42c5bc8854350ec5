# shellcheck shell=sh
# $1 the port to ask; stdin, by lines: a configuration of Caddy; how many accounts, then a user and
# the name of a secret, each; then what is asked and what has to answer, each.
# Runs inside the edge's container, beside the Caddy that serves.
set -f
port=$1
folder=$(mktemp -d)
cat >"$folder/lines"
head -n 1 "$folder/lines" | sed "s|@FOLDER@|$folder|g" >"$folder/config.json"
tail -n +2 "$folder/lines" >"$folder/words"
exec 3<"$folder/words"
IFS= read -r accounts <&3
number=0
while [ $number -lt "$accounts" ]; do
  IFS= read -r user <&3
  IFS= read -r secret <&3
  printf '%s:%s' "$user" "$(cat "/run/secrets/$secret")" | base64 | tr -d '\n' \
    >"$folder/account.$number"
  number=$((number + 1))
done
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
number=0
while IFS= read -r asked <&3 && IFS= read -r expected <&3; do
  # What an answer does not have stays a placeholder.
  answer=$(wget -q -T 8 -O - "http://127.0.0.1:$port/$number" 2>&1 | sed 's/ *{http[^}]*}//g') || true
  [ "$answer" = "$expected" ] || {
    echo "$asked is not answered by ${expected#200 }: ${answer:-nothing}" | tail -n 1 >&2
    code=1
  }
  number=$((number + 1))
done
exit $code
