# shellcheck shell=sh
# The last update of each service of a stack: how it stands, and when it began.
ids=$(docker service ls -q --filter "label=com.docker.stack.namespace=$1")
# shellcheck disable=SC2086 # a word each
[ -z "$ids" ] ||
  docker service inspect $ids --format \
    '{{if .UpdateStatus}}update	{{.UpdateStatus.State}} {{json .UpdateStatus.StartedAt}}{{end}}'
