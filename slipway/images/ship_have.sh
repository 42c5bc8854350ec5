# shellcheck shell=sh
# What a machine has: of each image a line of its id, its layers from the bottom up and its tags, a
# tab between them. One that is removed between the two commands makes the second end with 1, and is
# simply not there.
ids=$(docker image ls --quiet --no-trunc | sort -u)
# shellcheck disable=SC2086 # a word each
[ -z "$ids" ] || docker image inspect --format '{{.Id}}	{{json .RootFS.Layers}}	{{json .RepoTags}}' $ids || true
