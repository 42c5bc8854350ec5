# shellcheck shell=sh
# The rules that should be loaded come on stdin. Prints in two lines whether they are, and whether
# somebody loads them again (kept, lone).
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat > "$new"
loaded "$new"
if [ -n "$(keeper slipway-firewall /etc/slipway/firewall-keep)" ]; then echo kept; else echo lone; fi
