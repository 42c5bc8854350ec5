# shellcheck shell=sh
# $1 is where the rules lie; they come on stdin. Prints what it did, nothing when all was so.
command -v nft >/dev/null || [ -x /usr/sbin/nft ] || {
    export DEBIAN_FRONTEND=noninteractive
    get() { apt-get -qq install -y --no-install-recommends nftables >/dev/null; }
    get 2>/dev/null || { apt-get -qq update >/dev/null; get; } # the lists are new, often
    echo "installed nftables"
}
PATH=$PATH:/usr/sbin:/sbin
new=$(mktemp)
trap 'rm -f "$new"' EXIT
cat > "$new"
nft --check --file "$new"
mkdir -p /etc/slipway
if ! cmp -s "$new" "$1"; then
    chmod 644 "$new"
    cp "$new" "$1.draft"
    mv -f "$1.draft" "$1"
    nft --file "$1"
    echo "wrote $1"
elif ! nft list table inet slipway >/dev/null 2>&1; then
    nft --file "$1"
    echo "loaded $1"
fi
if [ -d /run/systemd/system ] && [ ! -f /etc/systemd/system/slipway-firewall.service ]; then
    cat > /etc/systemd/system/slipway-firewall.service <<UNIT
[Unit]
Description=Swarm ports for peers only
# nftables.service begins by flushing everything.
After=nftables.service
Before=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft --file $1
[Install]
WantedBy=multi-user.target
UNIT
    systemctl daemon-reload
    systemctl enable --quiet slipway-firewall.service
    echo "enabled slipway-firewall.service"
fi
