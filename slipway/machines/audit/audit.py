"""The audit of an environment's machines: all asked at once, the worst first."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from slipway.errors import DifferenceFound
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host
from slipway.machines import fleet, inventory
from slipway.machines.audit import containers, engine, facts, finding, network, ssh, system
from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, Severity
from slipway.machines.provider import ProviderContext


@dataclass(frozen=True)
class Audit:
    """What was found on which machines."""

    env: str
    machines: int
    findings: Sequence[Finding]

    @property
    def grave(self) -> list[Finding]:
        return [each for each in self.findings if each.severity < Severity.LOW]


def run(place: ProviderContext, published: Collection[int]) -> Audit:
    """Audit every machine; `published` are the ports of the edge. Raises when one is not reached:
    what was not seen is not well."""
    known = inventory.load(place.env, place.root)
    peers = fleet.addresses(place)
    with fleet.connected(place, known) as hosts:
        by_machine = parallel.each(hosts, lambda host: look(host, peers, published, place.env))
    findings = [each for findings in by_machine for each in findings]
    return Audit(place.env, len(known), sorted(findings, key=lambda each: each.severity))


def look(host: Host, peers: Collection[str], published: Collection[int], env: str) -> list[Finding]:
    """Audit one machine. Raises HostError where what it says is no answer."""
    text = facts.gather(host, peers)
    with reading(host.name, "how it is set up"):
        return list(finding.of(host.name, judge(facts.parse(text), published, env, host.name)))


def judge(seen: Facts, published: Collection[int], env: str, name: str) -> Iterator[Finding]:
    """Judge the facts of a machine."""
    again = f"inv machine.provision --env={env} --name={name}"
    yield from ssh.judge(seen)
    yield from network.judge(seen, published, again)
    yield from engine.judge(seen, again)
    yield from containers.judge(seen)
    yield from system.judge(seen)


def check(audit: Audit) -> None:
    """Raise DifferenceFound for anything above low."""
    if grave := audit.grave:
        first, *others = grave
        more = f", and {len(others)} more" if others else ""
        raise DifferenceFound(
            f"{first.machine} is not as safe as it should be: {first.finding}{more}"
        )
