"""Which machines an environment has, and how each is reached.

Machines of the world are committed, `compose/<env>.machines.yml` with `compose/<env>.known_hosts`,
so that colleagues and CI agree. Rehearsal machines are this computer's own business and lie in
`.slipway/<env>/`, git-ignored, with a key pair made for them. One environment has either.
"""

import contextlib
import fcntl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from slipway import whole_file
from slipway.errors import ConfigError, Refused, UsageError
from slipway.hosts.ssh import SshHost
from slipway.hosts.ssh_route import SshRoute
from slipway.machines import inventory_text
from slipway.machines import machine as machines
from slipway.machines.machine import DATA, Machine
from slipway.project import ROOT
from slipway.text_file import read_utf8
from slipway.yaml_file import read_yaml

LOCAL = "local"
HEADER = "# Machines of {env}; kept by `inv machine.create` and `inv machine.rm`.\n"


@dataclass(frozen=True)
class InventoryFiles:
    """Where one kind of inventory lies."""

    machines: Path
    known_hosts: Path
    identity: Path | None


def files(env: str, provider: str, root: Path = ROOT) -> InventoryFiles:
    """The files for machines of a provider."""
    if provider == LOCAL:
        folder = root / ".slipway" / env
        return InventoryFiles(
            folder / "machines.yml", folder / "known_hosts", folder / "id_ed25519"
        )
    folder = root / "compose"
    return InventoryFiles(folder / f"{env}.machines.yml", folder / f"{env}.known_hosts", None)


def load(env: str, root: Path = ROOT) -> tuple[Machine, ...]:
    """All machines of an environment in the order in which they joined; none is an answer too."""
    local, real = (_read(files(env, kind, root).machines, root) for kind in (LOCAL, "ssh"))
    if local and real:
        raise ConfigError(
            f"{env} has machines in compose/{env}.machines.yml and rehearsal machines in "
            f".slipway/{env}/machines.yml; it can have one kind: remove the other with "
            f"`inv machine.rm --env={env} --name={local[0].name}`"
        )
    return local or real


def find(env: str, name: str, root: Path = ROOT) -> Machine:
    """The machine of that name. Raises UsageError, naming those there are."""
    known = load(env, root)
    for machine in known:
        if machine.name == name:
            return machine
    names = ", ".join(machine.name for machine in known) or "none yet; see `inv machine.create`"
    raise UsageError(f"{env} has no machine {name[:40]!a} (machines: {names})")


def connect(env: str, machine: Machine, root: Path = ROOT) -> SshHost:
    """The machine as a host; opens no connection yet."""
    where = files(env, machine.provider, root)
    return SshHost(
        SshRoute(
            name=machine.name,
            address=machine.host,
            user=machine.user,
            port=machine.port,
            known_hosts=where.known_hosts,
            identity=where.identity,
        )
    )


def add(env: str, machine: Machine, root: Path = ROOT) -> Machine:
    """Enter a machine, in place of one with its name; the first of all gets the role `data`."""
    machines.check_name(machine.name)
    others = tuple(known for known in load(env, root) if known.name != machine.name)
    refuse_mixing(env, machine.provider, others)
    if not any(known.role == DATA for known in others):
        machine = replace(machine, role=DATA)
    _write(env, files(env, machine.provider, root).machines, (*others, machine))
    return machine


def remove(env: str, name: str, root: Path = ROOT) -> None:
    """Take a machine out; an empty inventory leaves no file. Some machine keeps the role `data`."""
    known = load(env, root)
    rest = [machine for machine in known if machine.name != name]
    if rest and not any(machine.role == DATA for machine in rest):
        rest[0] = replace(rest[0], role=DATA)
    for provider in {machine.provider for machine in known}:
        path = files(env, provider, root).machines
        if rest:
            _write(env, path, rest)
        else:
            path.unlink(missing_ok=True)


def refuse_mixing(env: str, provider: str, known: Iterable[Machine]) -> None:
    """Raise Refused where a machine of this provider has no place among the known ones."""
    for other in known:
        if (other.provider == LOCAL) != (provider == LOCAL):
            raise Refused(
                f"{env} has {'rehearsal' if other.provider == LOCAL else 'real'} machines "
                f"({other.name}); rehearsal and real machines are never mixed in one environment"
            )


@contextlib.contextmanager
def locked(env: str, root: Path = ROOT) -> Iterator[None]:
    """One change of an environment's machines at a time on this computer; waits for its turn."""
    folder = root / ".slipway" / env
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "machines.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _read(path: Path, root: Path) -> tuple[Machine, ...]:
    source = str(path.relative_to(root))
    try:
        document = read_yaml(path, source)
    except FileNotFoundError:
        return ()
    document = {} if document is None else document
    if not isinstance(document, dict):
        raise ConfigError(f"{source}: must map names to machines")
    known = tuple(machines.parse(str(name), entry, source) for name, entry in document.items())
    for one in known:
        for other in known:
            if one.name < other.name and (one.host, one.port) == (other.host, other.port):
                raise ConfigError(f"{source}: {one.name} and {other.name} are both {one.ssh}")
    return known


def _write(env: str, path: Path, known: Iterable[Machine]) -> None:
    before = read_utf8(path) if path.exists() else HEADER.format(env=env)
    text = inventory_text.changed(before, {each.name: machines.entry(each) for each in known})
    path.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write(path, text)
