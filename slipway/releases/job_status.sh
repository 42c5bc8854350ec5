# shellcheck shell=sh
# $1 app, then roles. A line for each service that runs once: its labels, then its newest task.
app=$1; shift
for role in "$@"; do
  for id in $(docker service ls -q --filter "label=slipway.app=$app" --filter "label=slipway.role=$role"); do
    task=$(docker service ps -q --no-trunc "$id" 2>/dev/null | head -n 1)
    labels=$(docker service inspect "$id" --format '{{json .Spec.Labels}}' 2>/dev/null) || continue
    seen=$(docker inspect --type task "${task:--}" --format '{{json .}}' 2>/dev/null) || seen=null
    printf '%s\t%s\n' "$labels" "$seen"
  done
done
