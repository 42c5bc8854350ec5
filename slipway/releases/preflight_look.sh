# shellcheck shell=sh
# $1 app, then ports. One line per finding: "free BYTES", "taken PORT WHO".
app=$1; shift
root=$(docker info --format '{{.DockerRootDir}}')
df -Pk "$root" | awk 'NR == 2 { printf "free %.0f\n", $4 * 1024 }'
for port in "$@"; do
  who=$(docker ps --filter "publish=$port/tcp" --format '{{.Label "slipway.app"}} {{.Names}}')
  case $who in
    "$app "*) continue ;;
    ?*) echo "taken $port the container ${who#* }"; continue ;;
  esac
  command -v ss >/dev/null || continue
  line=$(ss -Hltnp "sport = :$port" | head -n 1)
  [ -z "$line" ] || echo "taken $port $line"
done
