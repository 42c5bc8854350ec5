# shellcheck shell=sh
ids=$(docker service ls -q --filter "label=com.docker.stack.namespace=$1")
# shellcheck disable=SC2086 # a word each
[ -z "$ids" ] ||
  docker service inspect $ids --format \
    '{{if .UpdateStatus}}{{.UpdateStatus.State}} {{json .UpdateStatus.StartedAt}}{{end}}'
