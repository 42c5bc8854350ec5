# shellcheck shell=sh
# The rules that should be loaded come on stdin. Prints whether they are, then whether somebody
# loads them again (kept, lone).
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat > "$new"
loaded "$new"
pid=$(cat /run/slipway-firewall.pid 2>/dev/null || :)
if [ -n "$pid" ] && grep -qsa firewall-keep "/proc/$pid/cmdline"; then echo kept; else echo lone; fi
