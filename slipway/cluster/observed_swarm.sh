# shellcheck shell=sh
# One line each: a word that says what it is, a tab, JSON as Docker prints it. What goes between the
# listing and the look (a beat of the lease does, every few seconds) makes it list again.
app=$1
inspect() { # KIND FORM
  for _ in 1 2 3 4 5; do
    ids=$(docker "$1" ls -q --filter "label=slipway.app=$app")
    [ -n "$ids" ] || return 0
    # shellcheck disable=SC2086 # a word each
    if found=$(docker "$1" inspect $ids --format "$2"); then printf '%s\n' "$found"; return 0; fi
  done
  return 1
}
# `docker info` starts every plugin of the client: only where the short question has no answer.
state="active true"
docker node ls -q >/dev/null 2>&1 ||
  state=$(docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.ControlAvailable}}')
# A manager that hears no leader calls itself in error, one that was restarted pending: it is one all
# the same, and the leader is waited for.
case $state in *" true") state="active true" ;; esac
echo "swarm	\"$state\""
echo "now	$(date +%s)"
[ "$state" = "active true" ] || exit 0
