# shellcheck shell=sh
# Remove images by their ids, what became used meanwhile stays, and builds' cache of a week ago.
for id in "$@"; do
  docker image inspect --format '{{range .RepoTags}}{{println .}}{{end}}' "$id" 2>/dev/null |
    grep . | xargs -r -n 1 docker image rm >/dev/null 2>&1 || true
  docker image rm "$id" >/dev/null 2>&1 || true
  docker image inspect "$id" >/dev/null 2>&1 || echo "removed $id"
done
docker builder prune --force --filter until=168h 2>/dev/null | sed -n 's/^Total.*:[[:space:]]*/cache /p'
