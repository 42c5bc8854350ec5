"""The firewall of a machine: the Swarm's own ports are for its peers only, and not for containers.

What a container sends elsewhere leaves with the address of its machine, which is a peer's. So it is
stopped where it is still known to be a container's: on its own machine. Everything else of the
host's firewall is left as it is: the rules stand in a table of their own, which drops and never
accepts.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.hosts.host import MINUTES, Host
from slipway.hosts.sudo import as_root

FILE = "/etc/slipway/firewall.nft"

LOADED = "".join(shell_scripts.read(__file__, name) for name in ("keeper.sh", "firewall_loaded.sh"))
UNIT = shell_scripts.read(__file__, "slipway-firewall.service")
INSTALL = LOADED + shell_scripts.read(__file__, "firewall_install.sh")
KEEP = shell_scripts.read(__file__, "firewall_keep.sh")
LOOK = LOADED + shell_scripts.read(__file__, "firewall_look.sh")
REMOVE = LOADED + shell_scripts.read(__file__, "firewall_remove.sh")


@dataclass(frozen=True)
class FirewallState:
    """What is loaded: the rules for the peers of today (same), other ones, none; and whether they
    are loaded again when somebody removes them."""

    rules: str
    is_kept: bool


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
        # From a container's network, under the address of a peer.
        meta iifkind {{ "bridge", "veth" }} fib daddr . iif type != local counter drop
        ip saddr @peers4 ip daddr @peers4 return
        ip6 saddr @peers6 ip6 daddr @peers6 return
        counter drop
    }}
    chain forward {{
        type filter hook forward priority -10; policy accept;
        ip daddr @peers4 jump containers
        ip6 daddr @peers6 jump containers
    }}
    chain containers {{
        tcp dport {{ 2377, 7946 }} counter drop
        udp dport {{ 4789, 7946 }} counter drop
    }}
}}
"""


def ensure(host: Host, peers: Iterable[str]) -> list[str]:
    """Bring a machine's table up to date, and have it kept; return a line for each change."""
    out = as_root(
        host, INSTALL, FILE, KEEP, UNIT, stdin=rules(peers).encode(), timeout=5 * MINUTES
    ).out
    return [f"{host.name}: {line}" for line in out.splitlines()]


def look(host: Host, peers: Iterable[str]) -> FirewallState:
    """Read a machine's table back from its kernel. Raises Refused where we are not root."""
    return parse(as_root(host, LOOK, stdin=rules(peers).encode()).out)


def parse(text: str) -> FirewallState:
    """Read what LOOK prints."""
    loaded, _, keeper = text.strip().partition("\n")
    return FirewallState(loaded, keeper == "kept")


def complaint(state: FirewallState) -> str:
    """Say what is wrong with a machine's table, in words that follow its name; nothing if it is as
    it should be."""
    if state.rules == "none":
        return "has no firewall for the Swarm's ports"
    if state.rules != "same":
        return "has another firewall for the Swarm's ports than its peers of today need"
    return "" if state.is_kept else "has a firewall that nothing loads again when it is flushed"


def remove(host: Host) -> None:
    """Take the table away from a machine that is a peer no more."""
    as_root(host, REMOVE, FILE)


def _elements(text: str) -> str:
    return f"elements = {{ {text} }}; " if text else ""
