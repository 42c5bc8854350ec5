"""The machines of an environment: made or adopted, listed, entered, removed."""

from contextlib import closing
from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment
    from slipway.machines.provider import Provider, ProviderContext

NAME = "The machine, like m1."
PLAN = "Show what would be done, and change nothing."


def _providers() -> list[str]:
    from slipway.machines.provider import PROVIDERS

    return list(PROVIDERS)


@command(
    runbook="machine",
    help={
        "provider": "Where it comes from: local (a rehearsal on this computer) or ssh (it exists).",
        "name": NAME,
        "host": "With ssh: how to reach it, like deploy@203.0.113.7.",
        "port": "With ssh: where its sshd listens; as your ssh_config says by default, 22 else.",
        "address": "With ssh: its address for the other machines, when that is another one.",
        "fingerprint": "With ssh: its host key as its console shows it, SHA256:...",
        "plan": PLAN,
    },
    choices={"provider": _providers},
)
def create(
    env: "Environment",
    *,
    provider: str,
    name: str,
    host: str = "",
    port: int = 0,
    address: str = "",
    fingerprint: str = "",
    plan: bool = False,
) -> None:
    """Add a machine: engine, firewall, Swarm. Run twice it changes nothing.

    Example: inv machine.create --env=staging --provider=local --name=m1
    """
    from slipway.bootstrap import prepare
    from slipway.machines import inventory
    from slipway.machines.joining import Joining
    from slipway.machines.provider import MachineSpec
    from slipway.show import plans, progress

    spec = MachineSpec(name, host, port, address, fingerprint)
    joining = Joining(_place(env), provider, _provider(env, provider), spec)
    if plan:
        _report_engine(provider)
    elif provider == inventory.LOCAL:
        prepare.prepare(progress.TerminalReporter())
    steps = joining.plan()
    plans.preview(steps) if plan else plans.follow(steps)


@command(runbook="machine", help={"json": "Print JSON."})
def ls(env: "Environment", *, json: bool = False) -> None:
    """List the machines and how they are; one that does not answer is shown as such.

    Example: inv machine.ls --env=staging
    """
    from dataclasses import asdict, fields

    from slipway.machines import inventory, listing
    from slipway.show import table, writer

    for provider in {machine.provider for machine in inventory.load(env.name)}:
        _report_engine(provider)
    rows = listing.call(
        _place(env), lambda machine: _provider(env, machine.provider).describe(machine)
    )
    columns = [field.name for field in fields(listing.MachineRow)]
    if not (rows or json):
        writer.say(
            f"{env.name} has no machines yet; rehearse with: "
            f"inv machine.create --env={env.name} --provider=local --name=m1"
        )
    table.rows(columns, [asdict(row) for row in rows], as_json=json)


@command(
    runbook="machine",
    help={"name": NAME, "command": "Run this line there instead of a shell."},
    suggestions={"name": "machines"},
)
def ssh(env: "Environment", *, name: str, command: str = "") -> None:
    """Open a shell on a machine.

    Example: inv machine.ssh --env=staging --name=m1
    """
    from invoke.exceptions import Exit

    from slipway.machines import inventory

    place = _place(env)
    host = inventory.connect(place.env, inventory.find(place.env, name))
    code = host.attach(["sh", "-c", command] if command else [])
    host.close()
    if code != 0:
        raise Exit(code=code)


@command(
    runbook="docker-commands",
    help={
        "name": NAME,
        "put": "A file or folder of this computer, to be copied there.",
        "get": "A file or folder there, to be copied to this computer.",
        "to": "Where it goes on the other side; into a folder, where that exists already.",
        "container": "A service: its container there, in place of the machine itself.",
    },
    suggestions={"name": "machines", "container": "services"},
)
def copy(
    env: "Environment", *, name: str, to: str, put: str = "", get: str = "", container: str = ""
) -> None:
    """Copy a file or folder to a machine or from it; it arrives complete or not at all.

    Examples:
      inv machine.copy --env=staging --name=m1 --put=notes.txt --to=/tmp/
      inv machine.copy --env=staging --name=m1 --container=edge --get=/etc/caddy --to=.
    """
    from pathlib import Path

    from slipway.errors import UsageError
    from slipway.machines import copying, fleet, inventory
    from slipway.show import writer

    if bool(put) == bool(get):
        raise UsageError("either --put=... or --get=... is needed, and --to=... for where it goes")
    with fleet.connected(_place(env), [inventory.find(env.name, name)]) as (host,):
        side = (
            copying.container(host, env.prefix, container) if container else copying.Endpoint(host)
        )
        result = copying.put(Path(put), side, to) if put else copying.get(side, get, Path(to))
    writer.say(f"{result.path}: {result.size} bytes, SHA-256 {result.sum[:12]}")


@command(
    runbook="docker-commands",
    help={"name": NAME, "command": "Run this line here instead of a shell."},
    suggestions={"name": "machines"},
)
def engine(env: "Environment", *, name: str, command: str = "") -> None:
    """Open a shell here whose docker talks to a machine's engine; leaving it leaves nothing.

    Examples:
      inv machine.engine --env=staging --name=m1
      inv machine.engine --env=staging --name=m1 --command="docker ps"
    """
    from invoke.exceptions import Exit

    from slipway.machines import fleet, inventory, tunnel

    with fleet.connected(_place(env), [inventory.find(env.name, name)]) as (host,):
        code = tunnel.shell(host, f"{env.name}/{name}", command)
    if code != 0:
        raise Exit(code=code)


@command(
    runbook="machine",
    help={
        "name": NAME,
        "yes": "The environment's name, in place of typing it.",
        "with_data": "The machine's name once more, where it holds the environment's data.",
        "plan": PLAN,
    },
    suggestions={"name": "machines", "with_data": "machines"},
)
def rm(
    env: "Environment", *, name: str, yes: str = "", with_data: str = "", plan: bool = False
) -> None:
    """Take a machine out, alive or dead; its work moves to the others first.

    Example: inv machine.rm --env=staging --name=m3
    """
    from slipway.machines import inventory
    from slipway.machines.removal import Removal
    from slipway.releases import agent_work
    from slipway.show import confirm, plans
    from slipway.show.progress import TerminalReporter

    machine = inventory.find(env.name, name)
    _report_engine(machine.provider)
    place, provider = _place(env), _provider(env, machine.provider)
    steps = Removal(place, provider, machine, with_data).plan()
    if plan:
        return plans.preview(steps)
    what = f"remove {name} ({machine.ssh}) from {env.name}"
    confirm.by_name(env, "remove machine", what, yes)
    with closing(inventory.connect(env.name, machine)) as host, TerminalReporter() as reporter:
        agent_work.leave(host, env.prefix, reporter)
    return plans.follow(steps)


@command(
    runbook="machine",
    help={"name": NAME, "plan": PLAN},
    suggestions={"name": "machines"},
)
def provision(env: "Environment", *, name: str, plan: bool = False) -> None:
    """Bring a machine's engine, settings and firewall up to date; often there is nothing to do.

    Example: inv machine.provision --env=staging --name=m1
    """
    from slipway.machines import fleet, inventory
    from slipway.machines import provision as provisioning
    from slipway.show import plans

    place = _place(env)
    with fleet.connected(place, [inventory.find(env.name, name)]) as (host,):
        steps = provisioning.plan(place, host)
        plans.preview(steps) if plan else plans.follow(steps)


@command(runbook="machine", help={"json": "Print JSON."})
def audit(env: "Environment", *, json: bool = False) -> None:
    """Say how safely the machines are set up, each finding with what mends it; changes nothing.

    Exits with 5 when something is worse than low.

    Examples:
      inv machine.audit --env=prod
      inv machine.audit --env=prod --json
    """
    from slipway.machines.audit import audit as audits
    from slipway.releases import edge_ports
    from slipway.show import audits as shown

    report = audits.run(_place(env), set(edge_ports.published(env).values()))
    shown.show(report, as_json=json)
    audits.check(report)


def _place(env: "Environment") -> "ProviderContext":
    from slipway.bootstrap import stack_images
    from slipway.errors import Refused
    from slipway.machines.provider import ProviderContext

    if env.is_local:
        raise Refused(
            f"{env.name} runs on this computer (RUNS_ON in compose/{env.name}.env) and needs no "
            f"machine: inv deploy --env={env.name}. For machines name another environment, such "
            "as --env=staging"
        )
    return ProviderContext(env.project, env.name, images=lambda: stack_images.read().names)


def _report_engine(provider: str) -> None:
    """Report where docker leads, for rehearsal machines are containers there."""
    from slipway.hosts import docker_client
    from slipway.machines import inventory
    from slipway.show.progress import TerminalReporter

    if provider == inventory.LOCAL:
        docker_client.report_engine(TerminalReporter())


def _provider(env: "Environment", name: str) -> "Provider":
    from slipway.machines.provider import provider
    from slipway.show import confirm

    return provider(name, _place(env), confirm.ask)
