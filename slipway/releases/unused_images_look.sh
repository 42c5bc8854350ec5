# shellcheck shell=sh
# Print the images here that no container uses: id, bytes, when it was made, names, digests; then the
# size of the cache of builds.
used=$(docker ps --all --quiet --no-trunc)
# shellcheck disable=SC2086 # a word each
[ -z "$used" ] || used=$(docker inspect --format '{{.Image}}' $used | sort -u)
ids=$(docker image ls --quiet --no-trunc | sort -u)
for id in $ids; do
  case "
$used
" in *"
$id
"*) continue ;; esac
  docker image inspect --format \
    '{{.ID}}	{{.Size}}	{{.Created}}	{{join .RepoTags " "}}	{{join .RepoDigests " "}}' "$id" 2>/dev/null || true
done
docker system df --format '{{.Type}}	{{.Size}}' | sed -n 's/^Build Cache/cache/p'
