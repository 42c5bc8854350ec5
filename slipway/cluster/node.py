"""A member of the Swarm, as its managers see it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from slipway import shell_scripts

DATA_LABEL = "slipway.data"
MACHINE_LABEL = "slipway.machine"
AWAITED = "unknown"

LIST = shell_scripts.read(__file__, "node_list.sh")


@dataclass(frozen=True)
class Node:
    """A member of the Swarm, as its managers see it."""

    id: str
    hostname: str
    address: str
    role: str  # manager, worker
    state: str  # ready, down, unknown, disconnected
    availability: str  # active, pause, drain
    leader: bool
    reachable: bool  # of a manager: whether the other managers hear it
    engine: str
    labels: Mapping[str, str]
    memory: int = 0  # bytes
    platform: str = ""  # as its kernel names it, linux/x86_64

    @property
    def name(self) -> str:
        """The name of its machine."""
        return self.labels.get(MACHINE_LABEL) or self.hostname

    @property
    def is_manager(self) -> bool:
        return self.role == "manager"

    @property
    def is_ready(self) -> bool:
        return self.state == "ready"

    @property
    def is_awaited(self) -> bool:
        """Whether the Swarm cannot tell yet: a leader just elected has not heard from it."""
        return self.state == AWAITED

    @property
    def takes_work(self) -> bool:
        """Whether the Swarm would start something here."""
        return self.is_ready and self.availability == "active"

    @property
    def holds_data(self) -> bool:
        """Whether the services that keep state live here."""
        return self.labels.get(DATA_LABEL) == "true"


def read(document: Mapping[str, Any]) -> Node:
    """Read what `docker node inspect` says of one node."""
    manager = document.get("ManagerStatus") or {}
    about = document["Description"].get("Platform") or {}
    return Node(
        id=document["ID"],
        hostname=document["Description"]["Hostname"],
        # A worker's status may say 0.0.0.0; a manager's own address is always right.
        address=manager.get("Addr", document["Status"].get("Addr", "")).rpartition(":")[0]
        or document["Status"].get("Addr", ""),
        role=document["Spec"]["Role"],
        state=document["Status"]["State"],
        availability=document["Spec"]["Availability"],
        leader=bool(manager.get("Leader")),
        reachable=manager.get("Reachability", "reachable") == "reachable",
        engine=document["Description"]["Engine"].get("EngineVersion", ""),
        labels=document["Spec"].get("Labels") or {},
        memory=int((document["Description"].get("Resources") or {}).get("MemoryBytes", 0)),
        platform="/".join(about[key] for key in ("OS", "Architecture") if key in about),
    )
