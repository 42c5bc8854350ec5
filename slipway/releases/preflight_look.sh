# shellcheck shell=sh
# $1 app, $2 whether the engine is here or elsewhere, then ports (443, 443/udp). One line per finding:
# "free BYTES", "taken PORT WHO", "unseen PORT". Of an engine elsewhere only containers can be seen.
app=$1; place=$2; shift 2
listening() { # NUMBER KIND: prints what listens on a port; fails where that cannot be seen
  case $2 in tcp) letter=t state=0A ;; udp) letter=u state=07 ;; esac
  if command -v ss >/dev/null; then
    ss "-Hl${letter}np" "sport = :$1"
    return
  fi
  [ -r "/proc/net/$2" ] || return 1
  cat "/proc/net/$2" "/proc/net/${2}6" 2>/dev/null |
    awk -v "end=$(printf ':%04X' "$1")" -v "state=$state" \
      '$4 == state && substr($2, length($2) - 4) == end { print "?" }'
}
# A container's own files are below the engine's folder. `docker info` starts every plugin of the
# client: only where there is no container.
id=$(docker ps --quiet --last 1)
[ -z "$id" ] || id=$(docker container inspect --format '{{.ResolvConfPath}}' "$id" 2>/dev/null) || id=
case $id in
  */containers/*) root=${id%/containers/*} ;;
  *) root=$(docker info --format '{{.DockerRootDir}}') ;;
esac
[ "$place" = elsewhere ] || df -Pk "$root" | awk 'NR == 2 { printf "free %.0f\n", $4 * 1024 }'
for port in "$@"; do
  kind=${port#*/}
  [ "$kind" = udp ] || kind=tcp
  who=$(docker ps --filter "publish=${port%/*}/$kind" --format '{{.Label "slipway.app"}} {{.Names}}')
  case $who in
    "$app "*) continue ;;
    ?*) echo "taken $port the container ${who#* }"; continue ;;
  esac
  [ "$place" != elsewhere ] || continue
  lines=$(listening "${port%/*}" "$kind") || { echo "unseen $port"; continue; }
  [ -z "$lines" ] || echo "taken $port $lines"
done
