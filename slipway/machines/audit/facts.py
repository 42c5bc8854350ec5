"""The facts of a machine as `facts.sh` prints them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slipway import shell_scripts
from slipway.hosts.host import Host
from slipway.hosts.sudo import as_root
from slipway.machines import firewall
from slipway.machines.firewall import FirewallState

SCRIPT = firewall.LOOK + shell_scripts.read(__file__, "facts.sh")


@dataclass(frozen=True)
class FileFact:
    """A file's or a folder's mode and owner."""

    mode: int
    owner: str
    path: str

    def is_open(self, bits: int) -> bool:
        """Whether its mode has any of these bits, or another owner than root."""
        return bool(self.mode & bits) or self.owner != "root"


@dataclass(frozen=True)
class Facts:
    """`lines` maps each word to its values in order; `sshd` is its effective configuration."""

    firewall: FirewallState
    lines: Mapping[str, Sequence[str]]
    sshd: Mapping[str, str]
    engine: Mapping[str, Any]
    containers: Sequence[Mapping[str, Any]]

    def of(self, word: str) -> Sequence[str]:
        return self.lines.get(word, ())

    def has(self, word: str) -> bool:
        return word in self.lines

    def files(self, word: str) -> list[FileFact]:
        """The values of a word as files; what stands behind a path is left out."""
        parts = (value.split(" ") for value in self.of(word))
        return [FileFact(int(mode, 8), owner, path) for mode, owner, path, *_ in parts]

    @property
    def is_contained(self) -> bool:
        """Whether the machine is itself a container, as rehearsal machines are."""
        return self.has("contained")


def gather(host: Host, peers: Iterable[str]) -> str:
    """Ask a machine in one round trip. Raises Refused where we cannot become root."""
    return as_root(host, SCRIPT, stdin=firewall.rules(peers).encode()).out


def parse(text: str) -> Facts:
    """Read what SCRIPT prints."""
    first, second, *rest = [*text.splitlines(), "", ""]
    lines: dict[str, list[str]] = {}
    for line in rest:
        word, tab, value = line.partition("\t")
        if tab:
            lines.setdefault(word, []).append(value)
    options = (value.partition(" ")[::2] for value in lines.get("sshd", []))
    return Facts(
        firewall=firewall.parse(f"{first}\n{second}"),
        lines=lines,
        sshd={key.lower(): value for key, value in options},
        engine=json.loads(lines.get("engine", ["{}"])[0] or "{}"),
        containers=[json.loads(each) for each in lines.get("container", [])],
    )
