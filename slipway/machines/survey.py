"""What a host is like before it is provisioned: what forbids it, what its owner should know."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address, ip_network

from slipway import shell_scripts
from slipway.errors import Refused
from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.hosts.sudo import as_root

CLOCK_SECONDS = 5  # sessions, certificates and tokens go wrong beyond
ROOM_MB = 4096
API_PORTS = (2375, 2376)
OTHER_ENGINE_PORTS = (2377, 7946, 9323)  # Swarm's two, and metrics
PRIVATE = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7"))
)

SCRIPT = shell_scripts.read(__file__, "survey_script.sh")


@dataclass(frozen=True)
class ListeningPort:
    """A TCP socket that waits for connections."""

    address: str
    port: int
    program: str

    @property
    def is_public(self) -> bool:
        return not self.address.startswith(("127.", "[::1]"))


@dataclass(frozen=True)
class Survey:
    """What was found on one host."""

    host: str
    clock_off: float
    free_mb: int
    addresses: tuple[str, ...]
    source: str  # the address the host itself would send from
    listeners: tuple[ListeningPort, ...]
    towards: tuple[str, ...] = ()  # and those that it would send from to the other machines


def look(host: Host, *peers: str) -> Survey:
    """Look at a host in one round trip; `peers` are the addresses of the other machines.

    Raises Refused where we cannot become root, or nobody can see who listens there.
    """
    before = time.time()
    out = as_root(host, SCRIPT, *peers).out
    now = (before + time.time()) / 2
    pairs = [line.partition("=")[::2] for line in out.splitlines()]
    values = dict(pairs)
    if "sockets" not in values:
        raise Refused(
            f"{host.name}: what listens there cannot be seen, and it could be an engine that is "
            "open to everybody; type there: apt-get install iproute2"
        )
    with reading(host.name, "what it is like"):
        return Survey(
            host=host.name,
            clock_off=float(values["clock"]) - now,
            free_mb=int(values["free_mb"] or 0),
            addresses=_addresses(values["addresses"]),
            source=values["source"],
            listeners=tuple(_listener(value) for key, value in pairs if key == "listens"),
            towards=_addresses(values.get("towards", "")),
        )


def check(survey: Survey) -> list[str]:
    """Sentences for the owner. Raises Refused for what must not be."""
    for each in survey.listeners:
        is_engine = each.program == "dockerd" and each.port not in OTHER_ENGINE_PORTS
        if each.is_public and (is_engine or each.port in API_PORTS):
            raise Refused(
                f"{survey.host}: its engine listens on TCP port {each.port}, where whoever gets "
                "through is root; take `-H tcp://` out of the unit or `hosts` out of "
                "/etc/docker/daemon.json, restart docker, then run this again"
            )
    return list(_notes(survey))


def cluster_address(survey: Survey, host: str) -> str:
    """The address for the other machines: the one it sends from to them, or for the first of all a
    private one, where there is one. Then where we reach the host, if that is its own (behind a 1:1
    NAT of a cloud it is not), else the one it sends from."""
    if survey.towards:
        candidates = [each for each in survey.towards if each in survey.addresses]
    else:
        candidates = [each for each in survey.addresses if is_private(each)]
    usual = host if host in survey.addresses else survey.source
    if usual in candidates or not candidates:
        candidates = [usual] if usual else []
    if len(candidates) != 1:
        raise Refused(
            f"{survey.host}: which of its addresses the other machines should use is unclear "
            f"({', '.join(survey.addresses) or 'it has none'}); give it with --address"
        )
    return candidates[0]


def is_private(address: str) -> bool:
    """Whether an address is of a network that the internet does not lead to."""
    return any(ip_address(address) in network for network in PRIVATE)


def _notes(survey: Survey) -> Iterator[str]:
    if abs(survey.clock_off) > CLOCK_SECONDS:
        yield (
            f"{survey.host}: its clock is {survey.clock_off:+.0f} s off ours; "
            "switch time synchronisation on (`timedatectl set-ntp true`)"
        )
    if survey.free_mb < ROOM_MB:
        yield f"{survey.host}: only {survey.free_mb} MB are free below /var"
    for each in survey.listeners:
        if each.port in (80, 443) and each.is_public and not each.program.startswith("docker"):
            who = each.program or "another program"
            yield f"{survey.host}: {who} holds port {each.port}, which the edge needs; stop it"


def _addresses(text: str) -> tuple[str, ...]:
    return tuple(map(str, map(ip_address, text.split())))


def _listener(text: str) -> ListeningPort:
    place, _, users = text.partition(" ")
    address, _, port = place.rpartition(":")
    program = users.partition('"')[2].partition('"')[0]
    return ListeningPort(address, int(port), program)
