# shellcheck shell=sh disable=SC2034 # what this file is put before uses $nodes
# Sets $nodes to the ids of all nodes. Managers that have just lost their leader answer nothing
# until they have elected another, which takes seconds; so it asks again for half a minute. What the
# client warns of is on standard error, also when all is well, and read for a reason only.
# $2, where it is set, is how often it asks in place of 60 times.
tries=0
until nodes=$(docker node ls -q 2>/dev/null); do
  reason=$(docker node ls -q 2>&1 >/dev/null) && continue
  tries=$((tries + 1))
  case $reason in *leader* | *"deadline exceeded"* | *"code = Unavailable"*) ;; *) tries=600 ;; esac
  [ "$tries" -lt "${2:-60}" ] || { echo "$reason" >&2; exit 1; }
  sleep 0.5
done
