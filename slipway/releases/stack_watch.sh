# shellcheck shell=sh
# The tasks of a stack, and its services with how many of each there should be. While a task is on its
# way nothing is complete: the services, which cost as much again, are not asked for.
tasks=$(docker stack ps "$1" --no-trunc --format 'task	{{json .}}' 2>/dev/null) || true
[ -z "$tasks" ] || printf '%s\n' "$tasks"
expected=$(printf '%s\n' "$tasks" | grep '"DesiredState":"Running"') || true
! printf '%s\n' "$expected" | grep -v '"CurrentState":"Running' | grep -q . || exit 0
docker stack services "$1" --format 'service	{{json .}}'
