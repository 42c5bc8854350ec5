# shellcheck shell=sh
docker stack rm "$1" >/dev/null 2>&1 || true
while [ -n "$(docker service ls -q --filter "label=com.docker.stack.namespace=$1")" ]; do
  sleep 0.5
done
