# shellcheck shell=sh
# Print the records of all releases of all environments here, a line of JSON each.
ids=$(docker config ls --quiet --filter label=slipway.tags)
# shellcheck disable=SC2086 # a word each
[ -z "$ids" ] || docker config inspect --format '{{printf "%s" .Spec.Data}}' $ids
