# shellcheck shell=sh
# Names of volumes. A line each: "volume JSON" where there is one, "user NAME APP CONTAINER" where
# something runs with it. One that cannot be looked at is a failure, and not one that is not there.
present=$(docker volume ls --quiet)
for name in "$@"; do
  printf '%s\n' "$present" | grep -Fqx -e "$name" || continue
  docker volume inspect --format 'volume {{json .}}' "$name"
  docker ps --filter "volume=$name" --format "user $name {{or (.Label \"slipway.app\") \"-\"}} {{.Names}}"
done
