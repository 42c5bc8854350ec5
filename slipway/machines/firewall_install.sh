# shellcheck shell=sh
# $1 is where the rules lie, they come on stdin; $2 is what keeps them loaded. Prints what it did,
# nothing when all was so.
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || {
    export DEBIAN_FRONTEND=noninteractive
    get() { apt-get -qq install -y --no-install-recommends nftables >/dev/null; }
    get 2>/dev/null || { apt-get -qq update >/dev/null; get; } # the lists are new, often
    echo "installed nftables"
}
new=$(mktemp)
trap 'rm -f "$new" "$new.keeper" "$new.unit"' EXIT
cat > "$new"
nft --check --file "$new"
put() { # a file, where it goes, its mode; whether it was another
    ! cmp -s "$1" "$2" || return 1
    { chmod "$3" "$1" && cp -p "$1" "$2.draft" && mv -f "$2.draft" "$2"; } || exit 1
}
mkdir -p /etc/slipway
if put "$new" "$1" 644; then
    nft --file "$1"
    echo "wrote $1"
elif [ "$(loaded "$1")" != same ]; then
    nft --file "$1"
    echo "loaded $1"
fi
keep=${1%/*}/firewall-keep unit=/etc/systemd/system/slipway-firewall.service
printf '%s\n' "$2" > "$new.keeper"
is_new=no
! put "$new.keeper" "$keep" 755 || is_new=yes
if [ -d /run/systemd/system ]; then
    cat > "$new.unit" <<UNIT
[Unit]
Description=Swarm ports for peers only
# nftables.service begins by flushing everything.
After=nftables.service
Before=docker.service
[Service]
ExecStartPre=/usr/sbin/nft --file $1
ExecStart=/bin/sh $keep $1
Restart=always
RestartSec=1
[Install]
WantedBy=multi-user.target
UNIT
    ! put "$new.unit" "$unit" 644 || { systemctl daemon-reload; is_new=yes; }
    systemctl is-enabled --quiet slipway-firewall.service || systemctl enable --quiet slipway-firewall.service
    [ "$is_new" = no ] || systemctl restart slipway-firewall.service
    systemctl is-active --quiet slipway-firewall.service || { systemctl start slipway-firewall.service; is_new=yes; }
else
    pid=$(keeper)
    [ -n "$pid" ] || is_new=yes
    [ -z "$pid" ] || [ "$is_new" = no ] || kill -TERM "-$pid"
    if [ "$is_new" = yes ]; then setsid sh "$keep" "$1" </dev/null >/dev/null 2>&1 & fi
fi
[ "$is_new" = no ] || echo "keeps it loaded from now on"
