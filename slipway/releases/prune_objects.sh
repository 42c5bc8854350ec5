# shellcheck shell=sh
# Words of a kind and a name, "secret NAME". A line for each that it removed, "removed NAME", then
# "kept TAG…" for each record there still is: environments may share an engine, so what any of them
# keeps is kept. The Swarm refuses to remove what is in use, so a refusal is no failure.
for object in "$@"; do
  docker "${object%% *}" rm "${object#* }" >/dev/null 2>&1 && echo "removed ${object#* }" || true
done
ids=$(docker config ls -q --filter label=slipway.tags)
# shellcheck disable=SC2086 # a word each
[ -z "$ids" ] || docker config inspect $ids --format 'kept {{index .Spec.Labels "slipway.tags"}}'
