# shellcheck shell=sh
# $1 app, $2 whether the engine is here or elsewhere, then ports. One line per finding: "free BYTES",
# "taken PORT WHO", "unseen PORT". Of an engine elsewhere only containers can be seen.
app=$1; place=$2; shift 2
listening() { # prints what listens on a port; fails where that cannot be seen
  if command -v ss >/dev/null; then
    ss -Hltnp "sport = :$1"
    return
  fi
  [ -r /proc/net/tcp ] || return 1
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null |
    awk -v "end=$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == end { print "?" }'
}
root=$(docker info --format '{{.DockerRootDir}}')
[ "$place" = elsewhere ] || df -Pk "$root" | awk 'NR == 2 { printf "free %.0f\n", $4 * 1024 }'
for port in "$@"; do
  who=$(docker ps --filter "publish=$port/tcp" --format '{{.Label "slipway.app"}} {{.Names}}')
  case $who in
    "$app "*) continue ;;
    ?*) echo "taken $port the container ${who#* }"; continue ;;
  esac
  [ "$place" != elsewhere ] || continue
  lines=$(listening "$port") || { echo "unseen $port"; continue; }
  [ -z "$lines" ] || echo "taken $port $lines"
done
