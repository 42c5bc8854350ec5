"""Certificates around a deploy: what is provided is checked, what edges have is waited for."""

import time
from collections.abc import Collection, Sequence

from slipway.certificates import pem
from slipway.certificates.provided import complaints, warnings
from slipway.edge import certificates as at_edges
from slipway.edge import copies
from slipway.edge.copies import CertificateState
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, Refused, listing
from slipway.hosts.host import Host
from slipway.machines.connect import Cluster
from slipway.progress import Reporter
from slipway.releases.release import Release
from slipway.secrets import sops

PAIR = ("TLS_CHAIN", "TLS_KEY")
PATIENCE = 90.0
POLL = 1.0
RUNBOOK = "runbooks/tls.md"


def demand(env: Environment, release: Release) -> None:
    """Raise ConfigError where TLS=provided lacks what it needs."""
    if env.settings["TLS"] != "provided":
        return
    if not release.of("certificates"):
        raise ConfigError(
            "TLS=provided needs the service `certificates` of compose/slipway.yml; bring the file "
            "up to date: inv kit.upgrade"
        )
    file = f"secrets/{env.secrets_file.name}"
    if lacking := [key for key in PAIR if key not in release.secrets]:
        lines = [
            f"{file}: {key} is missing, and TLS=provided needs it; type: "
            f"inv secrets.set --env={env.name} --name={key}"
            for key in lacking
        ]
        raise ConfigError(listing(lines))


def check(
    env: Environment,
    release: Release,
    live: Release | None,
    present: Collection[str],
    reporter: Reporter,
) -> str:
    """Return the serial number of a provided certificate; nothing where none is new.

    Raises Refused for one that browsers would not take; a deploy of the same one for the same
    names needs no key to say so once more.
    """
    if env.settings["TLS"] != "provided" or not release.of("certificates"):
        return ""
    is_new = any(release.secrets[key] not in present for key in PAIR)
    if not is_new and live and live.settings.get("DOMAIN") == release.settings.get("DOMAIN"):
        return ""
    values = sops.read(env)
    chain, key = (values[name].reveal().encode() for name in PAIR)
    now, file = time.time(), f"secrets/{env.secrets_file.name}"
    names = at_edges.names_of(env.settings)
    if problems := list(complaints(chain, key, names, now)):
        raise Refused(f"{listing([f'{file}: {each}' for each in problems])}. Nothing was changed")
    for warning in warnings(chain, now):
        reporter.note(f"{file}: {warning}")
    return pem.read(chain).serial


def brought_back(live: Release, past: Release) -> str:
    """Say that a rollback shows another pair than is shown now; nothing where it does not."""
    if not past.secrets.keys() >= set(PAIR) <= live.secrets.keys():
        return ""
    if all(live.secrets[key] == past.secrets[key] for key in PAIR):
        return ""
    return (
        f"{past.label} shows the TLS_CHAIN that it had; until when that is valid says: inv status"
    )


def wait(
    env: Environment, hosts: Sequence[Host], release: Release, provided: str, reporter: Reporter
) -> str:
    """Wait until every edge has a certificate for each name, or one could not be obtained.

    With `provided`, a serial number, until every edge has that one. What is missing is said and
    ends no deploy: the other names, and what is there, are served.
    """
    names = at_edges.names_of(release.environment(env).settings)
    deadline = time.monotonic() + PATIENCE
    while True:
        copies.fetch(env.prefix, hosts)
        has = copies.read(env.prefix, hosts)
        states = list(copies.states(names, has, time.time()))
        missing = [each for each in states if not each.issuer]
        older = [each for each in states if each.issuer and provided not in ("", each.serial)]
        failed = {name for each in has.values() for name, one in each.attempts.items() if one.error}
        is_all_known = not older and {each.name for each in missing} <= failed
        if is_all_known or time.monotonic() > deadline:
            break
        time.sleep(POLL)
    for each in missing:
        reporter.note(f"{each.problem}; see: {RUNBOOK}")
    if older:
        machines = sorted({machine for each in older for machine in each.machines})
        reporter.note(f"{', '.join(machines)} shows the certificate of before; see: {RUNBOOK}")
    return f"{len(names)} names" if not missing and not older else "not all are there"


def read(env: Environment, cluster: Cluster, release: Release | None) -> list[CertificateState]:
    """Return what the edges show; nothing where no service keeps certificates for them."""
    if release is None or not release.of("certificates"):
        return []
    names = at_edges.names_of(release.environment(env).settings)
    has = copies.read(env.prefix, cluster.all)
    return list(copies.states(names, has, time.time()))
