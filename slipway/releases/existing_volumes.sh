# shellcheck shell=sh
# Names of volumes. A line each: "volume JSON" where there is one, "user NAME APP CONTAINER" where
# something runs with it.
for name in "$@"; do
  docker volume inspect --format 'volume {{json .}}' "$name" 2>/dev/null || continue
  docker ps --filter "volume=$name" --format "user $name {{or (.Label \"slipway.app\") \"-\"}} {{.Names}}"
done
