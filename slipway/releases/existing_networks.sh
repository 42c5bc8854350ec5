# shellcheck shell=sh
# Names of networks. A line of JSON for each that is there; a failure where that cannot be seen.
present=$(docker network ls --format '{{.Name}}')
for name in "$@"; do
  printf '%s\n' "$present" | grep -Fqx -e "$name" || continue
  docker network inspect --format '{{json .}}' "$name"
done
