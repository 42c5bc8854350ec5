# shellcheck shell=sh
# The new daemon.json comes on stdin; the engine, if there is one, judges it before it is in place.
mkdir -p /etc/docker
draft=$(mktemp /etc/docker/.daemon.json.XXXXXX)
trap 'rm -f -- "$draft"' EXIT
cat >"$draft"
chmod 644 "$draft"
PATH=$PATH:/usr/sbin
! command -v dockerd >/dev/null || dockerd --validate --config-file "$draft" >&2
mv -- "$draft" /etc/docker/daemon.json
