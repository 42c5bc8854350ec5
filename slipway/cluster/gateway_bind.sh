# shellcheck shell=sh
# $1: the address on which the ports that a Swarm publishes shall be open. Says on which they are.
# docker makes its bridge for them, on all addresses, when a Swarm begins or soon after.
option=com.docker.network.bridge.host_binding_ipv4
bound() {
  docker network inspect --format "{{with index .Options \"$option\"}}{{.}}{{else}}0.0.0.0{{end}}" \
    docker_gwbridge 2>/dev/null
}
if [ "$(bound || true)" != "$1" ]; then
  docker network rm docker_gwbridge >/dev/null 2>&1 || true # it stays where a container uses it
  docker network create --driver bridge --opt "$option=$1" \
    --opt com.docker.network.bridge.name=docker_gwbridge \
    --opt com.docker.network.bridge.enable_icc=false \
    --opt com.docker.network.bridge.enable_ip_masquerade=true docker_gwbridge >/dev/null 2>&1 || true
fi
bound
