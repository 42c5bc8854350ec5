"""Certificates around a deploy: what is provided is checked, what edges have is waited for."""

import time
from collections.abc import Collection, Sequence

from slipway.certificates import pem
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
SOON = 30  # days
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
) -> None:
    """Raise Refused for a provided certificate that browsers would not take; a deploy of the same
    one for the same names needs no key to say so once more."""
    if env.settings["TLS"] != "provided" or not release.of("certificates"):
        return
    is_new = any(release.secrets[key] not in present for key in PAIR)
    if not is_new and live and live.settings.get("DOMAIN") == release.settings.get("DOMAIN"):
        return
    values = sops.read(env)
    chain, key = (values[name].reveal().encode() for name in PAIR)
    now, file = time.time(), f"secrets/{env.secrets_file.name}"
    names = at_edges.names_of(env.settings)
    if problems := list(pem.complaints(chain, key, names, now)):
        raise Refused(f"{listing([f'{file}: {each}' for each in problems])}. Nothing was changed")
    days = pem.read(chain).days_left(now)
    if days < SOON:
        reporter.note(f"{file}: TLS_CHAIN ends in {days:.0f} days")


def wait(env: Environment, hosts: Sequence[Host], release: Release, reporter: Reporter) -> str:
    """Wait until every edge has a certificate for each name, or one could not be obtained.

    That is said and ends no deploy: the other names, and what is there, are served.
    """
    names = at_edges.names_of(release.environment(env).settings)
    deadline = time.monotonic() + PATIENCE
    while True:
        copies.fetch(env.prefix, hosts)
        has = copies.read(env.prefix, hosts)
        now = time.time()
        lacking = [each for each in copies.states(names, has, now) if not each.issuer]
        failed = {name for each in has.values() for name, one in each.attempts.items() if one.error}
        if not lacking or time.monotonic() > deadline or {each.name for each in lacking} <= failed:
            break
        time.sleep(POLL)
    for each in lacking:
        reporter.note(f"{each.problem}; see: {RUNBOOK}")
    return f"{len(names)} names" if not lacking else "not all are there"


def read(env: Environment, cluster: Cluster, release: Release | None) -> list[CertificateState]:
    """Return what the edges show; nothing where no service keeps certificates for them."""
    if release is None or not release.of("certificates"):
        return []
    names = at_edges.names_of(release.environment(env).settings)
    has = copies.read(env.prefix, cluster.all)
    return list(copies.states(names, has, time.time()))
