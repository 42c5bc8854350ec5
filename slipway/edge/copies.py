"""The certificates that edges show: until when, and what became of the last attempt at each."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.certificates import pem
from slipway.certificates.bundle import Attempt
from slipway.certificates.pem import DAY, Certificate
from slipway.edge.edges import ASK
from slipway.errors import SlipwayError
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script

FILE = "file "
LEAST_DAYS = 21  # of a certificate of 84 days and more; of others, a quarter of their life


@dataclass(frozen=True)
class Copies:
    """What one edge has: certificates by their file, and how it stands with each name."""

    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)

    def of(self, name: str) -> Certificate | None:
        return self.certificates.get(pem.file_of(name))


@dataclass(frozen=True)
class CertificateState:
    """One certificate, and the machines whose edges show it; `issuer` is empty for none."""

    name: str
    machines: tuple[str, ...]
    issuer: str = ""
    serial: str = ""
    ends: str = ""
    days_left: int = 0
    problem: str = ""


def read(app: str, hosts: Sequence[Host]) -> dict[str, Copies]:
    """Ask every edge, by machine; one that does not answer is left out."""

    def one(host: Host) -> Copies:
        text = script(host, ASK, app, "edge", "certificates", timeout=15).out
        with reading(host.name, "its certificates"):
            return parse(text)

    answers = zip(hosts, parallel.attempt(hosts, one), strict=True)
    return {host.name: each for host, each in answers if not isinstance(each, SlipwayError)}


def fetch(app: str, hosts: Sequence[Host]) -> None:
    """Have every edge take what is newest; one that cannot yet goes on trying by itself."""
    parallel.attempt(hosts, lambda host: script(host, ASK, app, "edge", "fetch", timeout=30))


def parse(text: str) -> Copies:
    """Read what an edge prints: attempts in a line, then files."""
    first, *rest = text.splitlines()
    attempts = {name: Attempt(**each) for name, each in json.loads(first).items()}
    certificates = {}
    for part in "\n".join(rest).split(f"\n{FILE}"):
        place, _, chain = part.removeprefix(FILE).partition("\n")
        if chain:
            certificates[place.rpartition("/")[2]] = pem.read(chain.encode())
    return Copies(certificates=certificates, attempts=attempts)


def states(
    names: Sequence[str], copies: Mapping[str, Copies], now: float
) -> Iterator[CertificateState]:
    """Say of each name which certificate is shown for it where, and what is wrong with it."""
    for name in names:
        shown: dict[Certificate | None, list[str]] = {}
        for machine, each in copies.items():
            shown.setdefault(each.of(name), []).append(machine)
        tried = [each.attempts[name] for each in copies.values() if name in each.attempts]
        attempt = max(tried, key=lambda each: each.failures, default=Attempt())
        for certificate, machines in shown.items():
            yield _state(name, certificate, tuple(machines), attempt, now)


def _state(
    name: str,
    certificate: Certificate | None,
    machines: tuple[str, ...],
    attempt: Attempt,
    now: float,
) -> CertificateState:
    why = _why(attempt, now)
    if certificate is None:
        problem = f"{', '.join(machines)} has no certificate for {name}{why or ': none came yet'}"
        return CertificateState(name, machines, problem=problem)
    days = certificate.days_left(now)
    life = (certificate.ends - certificate.begins) / DAY
    problem = ""
    if days <= 0:
        problem = f"the certificate of {name} has expired{why}"
    elif days < min(LEAST_DAYS, life / 4):
        problem = f"the certificate of {name} ends in {days:.1f} days{why}"
    ends = pem.date(certificate.ends)
    return CertificateState(
        name, machines, certificate.issuer, certificate.serial, ends, int(days), problem
    )


def _why(attempt: Attempt, now: float) -> str:
    """Say why there is no newer one."""
    if attempt.failures:
        minutes = max(0, attempt.again - now) / 60
        return f": {attempt.error} (failed {attempt.failures} times, again in {minutes:.0f} min)"
    return ": put a new one into TLS_CHAIN and TLS_KEY" if attempt.origin == "provided" else ""
