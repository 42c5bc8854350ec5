# shellcheck shell=sh
# The first line of stdin is a configuration of docker's; $@ is a command of docker that has it, and
# the rest of stdin. It lies in memory, where nobody else reads it, until the command has ended.
umask 077
folder=$(mktemp -d "$(if [ -w /dev/shm ]; then echo /dev/shm; else echo /tmp; fi)/slipway.XXXXXX")
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP
IFS= read -r config
printf '%s\n' "$config" >"$folder/config.json"
unset config
DOCKER_CONFIG=$folder "$@"
