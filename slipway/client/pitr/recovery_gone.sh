# shellcheck shell=sh
# $1 ours. It may be going already; wait until its name is free.
docker rm --force --volumes "$1" >/dev/null 2>&1 || :
i=0
while [ $i -lt 80 ] && [ -n "$(docker ps --all --quiet --filter "name=^/$1$")" ]; do
  i=$((i+1)); sleep 0.25
done
