"""The firewall of a machine: the Swarm's own ports are for its peers only.

Everything else of the host's firewall is left as it is: the rules stand in a table of their own,
which drops and never accepts.
"""

import ipaddress
from collections.abc import Iterable

from slipway import shell_scripts
from slipway.hosts.host import MINUTES, Host
from slipway.hosts.sudo import as_root

FILE = "/etc/slipway/firewall.nft"

INSTALL = shell_scripts.read(__file__, "firewall_install.sh")

REMOVE = shell_scripts.read(__file__, "firewall_remove.sh")


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
