"""What the network reaches: our firewall, programs that listen, how the kernel takes packets."""

from collections.abc import Collection, Iterator

from slipway.machines import firewall
from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, high, low, medium
from slipway.machines.survey import API_PORTS, ListeningPort, is_private

SWARM = {("tcp", 2377), ("tcp", 7946), ("udp", 7946), ("udp", 4789)}
DHCP = {("udp", 68), ("udp", 546)}
# Where whoever gets through reads or changes data, often without a password.
DATA_PORTS = {2049, 3306, 5432, 5984, 6379, 9200, 11211, 27017}


def judge(facts: Facts, published: Collection[int], again: str) -> Iterator[Finding]:
    """Find what the network reaches besides SSH, the edge's ports and, for peers, the Swarm's.

    `again` is the command that brings a machine up to date.
    """
    if what := firewall.complaint(facts.firewall):
        is_open = facts.firewall.rules != "same"
        yield (high if is_open else medium)("network.firewall", f"it {what}", again)
    expected = SWARM | DHCP | {("tcp", port) for port in published}
    ports = {int(value) for key, value in facts.sshd.items() if key == "port"} or {22}
    expected |= {("tcp", port) for port in ports}
    seen: set[tuple[str, int]] = set()
    for protocol, each in _listeners(facts):
        place = (protocol, each.port)
        if each.is_public and place not in expected | seen:
            seen.add(place)
            yield _unexpected(protocol, each)


def _unexpected(protocol: str, each: ListeningPort) -> Finding:
    who = each.program or "something"
    what = f"{who} listens on {each.address}:{each.port} ({protocol})"
    remedy = f"stop {who}, have it listen on 127.0.0.1, or close the port before the machine"
    if each.port in API_PORTS or each.program == "dockerd":
        remedy = "take `-H tcp://` out of its unit and `hosts` out of /etc/docker/daemon.json"
        return high("network.engine", f"{what}; whoever gets through is root", remedy)
    if each.port in DATA_PORTS:
        return high("network.data", f"{what}, where data is kept", remedy)
    address = each.address.strip("[]").partition("%")[0]
    if address not in ("*", "0.0.0.0", "::") and is_private(address):  # noqa: S104  compares
        return low("network.listens", what, remedy)
    return medium("network.listens", what, remedy)


def _listeners(facts: Facts) -> Iterator[tuple[str, ListeningPort]]:
    for value in facts.of("listens"):
        protocol, place, users = [*value.split(" "), ""][:3]
        address, _, port = place.rpartition(":")
        program = users.partition('"')[2].partition('"')[0]
        yield protocol, ListeningPort(address, int(port), program)
