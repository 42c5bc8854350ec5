"""How a machine is reached over SSH."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class SshRoute:
    """Where a machine is, who logs in, and which keys count on the way.

    Without a user or a port (`""`, 0) ssh_config or its defaults say. With `identity` nothing
    else is offered, and the person's own ssh_config is not read; without, their agent, keys and
    ssh_config count.
    """

    name: str  # the machine's, for messages
    address: str
    user: str
    port: int
    known_hosts: Path  # nothing else is trusted, on no hop
    identity: Path | None = None
    gateway: str | None = None  # a jump host, `user@host:port`

    @property
    def place(self) -> str:
        host = f"[{self.address}]" if ":" in self.address else self.address
        return self.address if self.port == 22 else f"{host}:{self.port}"
