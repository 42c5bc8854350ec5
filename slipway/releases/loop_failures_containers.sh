# shellcheck shell=sh
# $1: the label of a Compose project. A line for each container: its service, a tab, what it says.
for id in $(docker ps -aq --no-trunc --filter "label=$1"); do
  docker inspect "$id" --format '{{index .Config.Labels "com.docker.compose.service"}}{{"\t"}}{"state":{{json .State}},"limit":{{json .HostConfig.Memory}},"check":{{json .Config.Healthcheck}}}' || true
done
