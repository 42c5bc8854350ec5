# shellcheck shell=sh
# As root: sends new connections for the ports of the edge to the container that stands in for it.
# $1 its chain's name without the container's, $2 the script that closes it, $3 and $4 the labels of
# app and service of that container, then PROTOCOL/PORT/TARGET for each port. Connections that are
# open stay where they are.
PATH=$PATH:/usr/sbin:/sbin
base=$1 close=$2 app=$3 service=$4
shift 4
cannot() { echo "$1" >&2; exit 9; }
command -v iptables >/dev/null || cannot "it has no iptables"
iptables -w -t nat -S PREROUTING 2>/dev/null | grep -q -- '-j DOCKER' ||
    cannot "its engine does not publish ports by iptables"
id=$(docker ps -q --no-trunc --filter "label=slipway.app=$app" \
    --filter "label=slipway.service=$service" --filter status=running | head -n 1)
[ -n "$id" ] || cannot "no edge stands in there"
find_address() { # IPv4Address or IPv6Address of the container on the bridge that ports lead over
    docker network inspect docker_gwbridge --format \
        "{{range \$id, \$one := .Containers}}{{if eq \$id \"$id\"}}{{\$one.$1}}{{end}}{{end}}" | cut -d/ -f1
}
address=$(find_address IPv4Address)
[ -n "$address" ] || cannot "its edges are not on docker_gwbridge"
address6=$(find_address IPv6Address)
listens() { # PORT, tcp or tcp6: docker's own proxy, for who comes from this machine
    awk -v port="$(printf ':%04X' "$1")" '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 }
        END { exit !found }' "/proc/net/$2"
}
chain=$base-$(printf '%.8s' "$id")

# It goes with the container, whatever ends that: the engine says so as soon as that is told to end.
ready=$(mktemp -u)
mkfifo "$ready"
began=$(date +%s)
# shellcheck disable=SC2016
setsid sh -c '
    docker events --since "$3" --filter "container=$2" --filter event=kill --filter event=die \
        --format ended >"$4" 2>/dev/null & events=$!
    read -r _ <"$4" || :
    rm -f "$4"
    kill "$events" 2>/dev/null || :
    sh -euc "$5" sh "$1"
' sh "$chain" "$id" "$began" "$ready" "$close" </dev/null >/dev/null 2>&1 &

lead() { # iptables or ip6tables, an address for DNAT or nothing, tcp or tcp6, PROTOCOL PORT TARGET
    if [ -n "$2" ]; then
        case $1 in iptables) loop=127.0.0.0/8 to=$2:$6 ;; *) loop=::1/128 to="[$2]:$6" ;; esac
        "$1" -w -t nat -A "$chain" -p "$4" ! -i docker_gwbridge ! -d "$loop" \
            -m addrtype --dst-type LOCAL --dport "$5" -j DNAT --to-destination "$to"
    fi
    beside=$(docker port "$id" "$6/$4" 2>/dev/null | head -n 1)
    beside=${beside##*:}
    if [ -n "$beside" ] && [ "$4" = tcp ] && listens "$beside" "$3"; then
        "$1" -w -t nat -A "$chain" -p "$4" -m addrtype --dst-type LOCAL --dport "$5" \
            -j REDIRECT --to-ports "$beside"
    fi
}
divert() { # iptables or ip6tables, an address, tcp or tcp6, then the ports
    program=$1 to_address=$2 table=$3
    shift 3
    "$program" -w -t nat -N "$chain" 2>/dev/null || "$program" -w -t nat -F "$chain"
    for port in "$@"; do
        rest=${port#*/}
        lead "$program" "$to_address" "$table" "${port%%/*}" "${rest%/*}" "${rest#*/}"
    done
    for hook in PREROUTING OUTPUT; do
        "$program" -w -t nat -C "$hook" -j "$chain" 2>/dev/null ||
            "$program" -w -t nat -I "$hook" 1 -j "$chain"
    done
}
divert iptables "$address" tcp "$@"
if command -v ip6tables >/dev/null && ip6tables -w -t nat -S >/dev/null 2>&1; then
    divert ip6tables "$address6" tcp6 "$@"
fi
[ "$(docker inspect --format '{{.State.Running}}' "$id")" = true ] || {
    sh -euc "$close" sh "$chain"
    cannot "the edge that was to stand in has ended"
}
