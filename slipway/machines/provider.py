"""Where machines come from: what a provider can do, and which there are.

A cloud joins by a module with a class of this shape and a line in `PROVIDERS`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from slipway.errors import UsageError
from slipway.machines.machine import Machine
from slipway.project import ROOT

PROVIDERS = {
    "local": "slipway.machines.local.provider:LocalProvider",
    "ssh": "slipway.machines.ssh_provider:SshProvider",
}


@dataclass(frozen=True)
class MachineSpec:
    """The machine somebody asks for; what a provider cannot use, it refuses."""

    name: str
    host: str = ""  # user@host, for a machine that exists already
    port: int = 0  # as ssh_config says
    address: str = ""  # inside the cluster
    fingerprint: str = ""  # of its host key, learnt over another way than SSH


@dataclass(frozen=True)
class ProviderContext:
    """The environment a provider works for."""

    project: str
    env: str
    root: Path = ROOT
    images: Callable[[], tuple[str, ...]] = tuple  # that a machine made here has from its start


class Provider(Protocol):
    """Makes machines that can be reached over SSH with a host key that is pinned."""

    def check(self, spec: MachineSpec) -> None:
        """Refuse what cannot be and ask what must be asked, before anything is changed."""
        ...

    def create(self, spec: MachineSpec) -> Machine:
        """Make or adopt a machine; ends when it answers over SSH. Repeating it converges."""
        ...

    def destroy(self, machine: Machine) -> None:
        """Remove what `create` made. A machine that is gone already is no failure."""
        ...

    def describe(self, machine: Machine) -> str:
        """What the provider says of the machine in a word: running, stopped, gone, adopted."""
        ...


Maker = Callable[[ProviderContext, Callable[[str], bool]], Provider]


def provider(name: str, place: ProviderContext, confirm: Callable[[str], bool]) -> Provider:
    """The provider of that name. `confirm` asks a person a question; False where there is none.

    Raises UsageError for a name nobody knows.
    """
    if name not in PROVIDERS:
        raise UsageError(f"no provider {name[:40]!a} (one of: {', '.join(PROVIDERS)})")
    module, _, attribute = PROVIDERS[name].partition(":")
    make = cast(Maker, getattr(import_module(module), attribute))
    return make(place, confirm)
