"""Making a host a machine of an environment: checks, engine, log limits, firewall; the same for
every provider, and nothing at all the second time."""

from collections.abc import Callable

from slipway.hosts.host import Host
from slipway.machines import engine, fleet, survey
from slipway.machines.provider import ProviderContext
from slipway.plan import Plan, Step


def plan(place: ProviderContext, host: Host) -> Plan:
    """The steps for a machine of the inventory."""
    return Plan(
        f"Provision {host.name}",
        [
            Step("look", f"{host.name}: root, clock, disk, ports 80 and 443", _look(host)),
            Step("engine", f"{host.name}: Docker Engine, log limits", _engine(host)),
            Step(
                "firewall",
                "Swarm ports of every machine for its peers only",
                lambda: fleet.refresh_firewalls(place),
            ),
            Step(
                "jobs",
                f"{host.name}: start jobs at their times, where there are any",
                lambda: fleet.settle_timer(place, host),
            ),
        ],
    )


def prepare(host: Host) -> list[str]:
    """Check a host and make its engine work; return a line for each thing done or noted."""
    return survey.check(survey.look(host)) + engine.ensure_engine(host, machine=True)


def _look(host: Host) -> Callable[[], str]:
    return lambda: fleet.summary(survey.check(survey.look(host)))


def _engine(host: Host) -> Callable[[], str]:
    return lambda: fleet.summary(engine.ensure_engine(host, machine=True))
