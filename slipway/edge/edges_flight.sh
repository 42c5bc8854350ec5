# shellcheck shell=sh
# $1 seconds, then names of services. Runs inside the edge's container: waits until nothing is open
# towards these, or the time is over. Prints how many requests are.
tries=$(($1 * 5)); shift
while :; do
  count=$(edge inflight "$@")
  [ "$count" != 0 ] && [ $tries -gt 0 ] || break
  tries=$((tries - 1))
  sleep 0.2
done
echo "$count"
