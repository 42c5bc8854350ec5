# shellcheck shell=sh
# Sets $nodes to the ids of all nodes. Managers that have just lost their leader answer nothing
# until they have elected another, which takes seconds; so it asks again for half a minute.
tries=0
until nodes=$(docker node ls -q 2>&1); do
  tries=$((tries + 1))
  case $nodes in *leader* | *"deadline exceeded"* | *"code = Unavailable"*) ;; *) tries=60 ;; esac
  [ "$tries" -lt 60 ] || { echo "$nodes" >&2; exit 1; }
  sleep 0.5
done
