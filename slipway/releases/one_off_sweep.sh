# shellcheck shell=sh
# $1 app, $2 seconds, then roles. Removes the stacks of such services that ended so long ago.
app=$1 age=$2; shift 2
now=$(date +%s)
has_times() {
  ids=$(docker config ls -q --filter "label=slipway.job=$app")
  # shellcheck disable=SC2086 # a word each
  [ -n "$ids" ] && docker config inspect $ids --format '{{index .Spec.Labels "slipway.name"}}' | grep -Fqx -e "$1"
}
for role in "$@"; do
  for id in $(docker service ls -q --filter "label=slipway.app=$app" --filter "label=slipway.role=$role"); do
    newest=0
    for task in $(docker service ps -q --no-trunc "$id" 2>/dev/null); do
      seen=$(docker inspect --type task "$task" \
        --format '{{.Status.State}} {{.Status.Timestamp.Unix}}' 2>/dev/null) || continue
      case $seen in
        complete* | failed* | rejected* | orphaned* | shutdown* | remove*) ;;
        *) continue 2 ;; # it is under way
      esac
      [ "${seen#* }" -le "$newest" ] || newest=${seen#* }
    done
    [ "$newest" -gt 0 ] && [ $((now - newest)) -gt "$age" ] || continue
    of=$(docker service inspect "$id" --format '{{index .Spec.Labels "com.docker.stack.namespace"}} {{index .Spec.Labels "slipway.service"}} {{index .Spec.Labels "slipway.scheduled"}}') || continue
    # shellcheck disable=SC2086 # a word each
    set -- $of
    stack=$1 name=$2
    [ -z "${3:-}" ] || ! has_times "$name" || continue # its next run takes its place
    docker stack rm "$stack" >/dev/null 2>&1 || true
    docker config rm "$app.run.$name" >/dev/null 2>&1 || true
  done
done
