"""The firewall of a machine: the Swarm's own ports are for its peers only.

Everything else of the host's firewall is left as it is: the rules stand in a table of their own,
which drops and never accepts.
"""

import ipaddress
from collections.abc import Iterable

from slipway.hosts.host import MINUTES, Host
from slipway.hosts.sudo import as_root

FILE = "/etc/slipway/firewall.nft"

# $1 is where the rules lie; they come on stdin. Prints what it did, nothing when all was so.
INSTALL = r"""
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
"""

REMOVE = r"""
PATH=$PATH:/usr/sbin:/sbin
[ ! -f /etc/systemd/system/slipway-firewall.service ] || {
    systemctl disable --quiet slipway-firewall.service
    rm -f /etc/systemd/system/slipway-firewall.service
}
nft delete table inet slipway 2>/dev/null || :
rm -f "$1"
rmdir /etc/slipway 2>/dev/null || :
"""


def rules(peers: Iterable[str]) -> str:
    """The table for a machine with these peers, as nft reads it; loading it twice is harmless."""
    addresses = sorted((ipaddress.ip_address(peer) for peer in set(peers)), key=str)
    elements = {
        version: ", ".join(str(each) for each in addresses if each.version == version)
        for version in (4, 6)
    }
    return f"""\
# Kept by Slipway: the Swarm's ports are for the machines of this environment only.
table inet slipway
delete table inet slipway
table inet slipway {{
    set peers4 {{ type ipv4_addr; {_elements(elements[4])}}}
    set peers6 {{ type ipv6_addr; {_elements(elements[6])}}}
    chain input {{
        type filter hook input priority -10; policy accept;
        tcp dport {{ 2377, 7946 }} jump swarm
        udp dport {{ 4789, 7946 }} jump swarm
    }}
    chain swarm {{
        iif lo return
        ip saddr @peers4 return
        ip6 saddr @peers6 return
        drop
    }}
}}
"""


def ensure(host: Host, peers: Iterable[str]) -> list[str]:
    """Bring a machine's table up to date; return a line for each change."""
    out = as_root(host, INSTALL, FILE, stdin=rules(peers).encode(), timeout=5 * MINUTES).out
    return [f"{host.name}: {line}" for line in out.splitlines()]


def remove(host: Host) -> None:
    """Take the table away from a machine that is a peer no more."""
    as_root(host, REMOVE, FILE)


def _elements(text: str) -> str:
    return f"elements = {{ {text} }}; " if text else ""
