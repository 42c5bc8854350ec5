"""The Swarm that an environment's machines form: who is in it, joining, leaving.

A machine joins with the worker's token, which travels through stdin to the engine's socket and
so never stands in a process list; managers are made by promotion, and the managers' token is
never read at all. There is an odd number of managers, because a second one would only make the
loss of either fatal: one of one or two machines, three of three or four, five of more.
"""

import contextlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from slipway.cluster import engine_api
from slipway.cluster.node import LIST, Node, read
from slipway.errors import CommandFailed, HostError, Refused
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, SECONDS, Host, script

PORT = 2377
MOST_MANAGERS = 5
# A node that is promoted while it still exchanges its manager's certificate for a worker's takes
# half a minute at best, and at worst never manages, though it counts. Nothing tells the end of it.
RENEWAL = 10 * SECONDS
# Said of a lost manager after `docker swarm init --force-new-cluster`: it has no vote to give up.
FORGOTTEN = "can't find manager in raft memberlist"
BEGINNING = 5 * SECONDS  # how long a Swarm that somebody else makes may take to be one
POOLS = ("10.201.0.0/16", "10.202.0.0/16", "172.28.0.0/16")

# The tokens are read by nobody, here neither.
CHANGE_KEYS = (
    "docker swarm join-token --quiet --rotate worker >/dev/null; "
    "docker swarm join-token --quiet --rotate manager >/dev/null; "
    "docker swarm ca --rotate --detach --quiet >/dev/null"
)
INSPECT = LIST + "docker node inspect $nodes --format '{{json .}}'"


@dataclass(frozen=True)
class Membership:
    """What a host itself says about the Swarm it is in."""

    state: str  # inactive, pending, active, error, locked
    node: str
    manager: bool
    address: str
    managers: tuple[str, ...]  # address and port of each
    trouble: str = ""  # what the engine says of the states pending and error

    @property
    def active(self) -> bool:
        return self.state == "active"


def membership(host: Host) -> Membership:
    """Ask a host's engine for its place in a Swarm."""
    out = host.run(["docker", "info", "--format", "{{json .Swarm}}"]).out
    with reading(host.name, "its place in a Swarm"):
        swarm = json.loads(out)
        if not swarm["LocalNodeState"]:
            raise HostError(host.name, "its engine does not answer")
        return Membership(
            state=str(swarm["LocalNodeState"]),
            node=str(swarm["NodeID"]),
            manager=bool(swarm["ControlAvailable"]),
            address=str(swarm["NodeAddr"]),
            managers=tuple(str(manager["Addr"]) for manager in swarm["RemoteManagers"] or ()),
            trouble=str(swarm.get("Error", "")),
        )


def manages(host: Host) -> bool:
    """Whether a host really answers as a manager; one just demoted still says that it is one."""
    return host.run(["sh", "-euc", LIST, "sh"], check=False).code == 0


def nodes(host: Host) -> list[Node]:
    """All members, in one round trip to a manager."""
    with contextlib.suppress(*engine_api.FAILURES), engine_api.dialled(host) as api:
        return [read(document) for document in api.nodes()]
    lines = script(host, INSPECT).out.splitlines()
    with reading(host.name, "its list of machines"):
        return [read(json.loads(line)) for line in lines if line]


def ensure_swarm(host: Host, advertise: str, listen: str = "0.0.0.0") -> bool:  # noqa: S104  Swarm's default
    """Make the host the first manager of a Swarm unless it is a manager; True if it changed.

    This computer advertises and listens on 127.0.0.1, so nobody else can join.
    """
    current = _decided(host, "pending")
    if current.active and current.manager:
        return False
    if current.state != "inactive":
        raise _other_swarm(host, current)
    place = ["--advertise-addr", advertise, "--listen-addr", f"{listen}:{PORT}"]
    pool = ["--default-addr-pool", _free_pool(host), "--default-addr-pool-mask-length", "24"]
    result = host.run(["docker", "swarm", "init", *place, *pool], check=False)
    if result.code != 0 and _decided(host, "pending", "inactive").manager:
        return False  # somebody else was quicker
    result.check()
    return True


def _decided(host: Host, *undecided: str) -> Membership:
    """Read a host's place when it is none of these any more, or after a while what it is."""
    deadline = time.monotonic() + BEGINNING
    while True:
        current = membership(host)
        if current.state not in undecided or current.trouble or time.monotonic() > deadline:
            return current
        time.sleep(0.3 * SECONDS)


def join(manager: Host, new: Host, advertise: str) -> bool:
    """Make a host a member of the manager's Swarm; True if it was none."""
    there, here = membership(manager), membership(new)
    if here.active and here.node in {node.id for node in nodes(manager)}:
        return False
    if here.state != "inactive":
        raise _other_swarm(new, here)
    token = manager.run(["docker", "swarm", "join-token", "--quiet", "worker"]).out.strip()
    body = {
        "ListenAddr": f"0.0.0.0:{PORT}",
        "AdvertiseAddr": advertise,
        "DataPathAddr": advertise,
        "RemoteAddrs": there.managers,
        "JoinToken": token,
    }
    _post(new, "/swarm/join", body)
    joined = membership(new).node
    _wait(new, f"{new.name} in the Swarm", lambda: joined in {n.id for n in nodes(manager)})
    return True


def label(manager: Host, node: str, **labels: str) -> bool:
    """Give a node labels (`_` stands for `.`); True if one was missing."""
    requested = {key.replace("_", "."): value for key, value in labels.items()}
    (current,) = (each for each in nodes(manager) if each.id == node)
    missing = {key: value for key, value in requested.items() if current.labels.get(key) != value}
    words = [word for key, value in missing.items() for word in ("--label-add", f"{key}={value}")]
    if words:
        _update(manager, words, node)
    return bool(words)


def managers_for(machines: int) -> int:
    """How many of so many machines should be managers."""
    odd = machines if machines % 2 else machines - 1
    return max(1, min(odd, MOST_MANAGERS))


def balance(manager: Host) -> list[str]:
    """Promote or demote until the number of managers is right; return a line for each change.

    Nodes that are down count for nothing; the leader and the data machine are demoted last.
    """
    ready = [node for node in settled(manager) if node.is_ready]
    managers = [node for node in ready if node.is_manager]
    workers = [node for node in ready if not node.is_manager and node.availability == "active"]
    surplus = len(managers) - managers_for(len(ready))
    own_id = membership(manager).node
    lines = []
    for node in sorted(workers, key=_name)[: max(0, -surplus)]:
        promote(manager, node)
        lines.append(f"{node.name} is a manager now")
    spare = [node for node in managers if node.id != own_id]
    followers = sorted(spare, key=lambda node: (node.holds_data, node.leader, node.name))
    for node in followers[: max(0, surplus)]:
        demote(manager, node)
        lines.append(f"{node.name} is a worker now")
    if surplus > 0:
        time.sleep(RENEWAL)
    return lines


def settled(manager: Host, timeout: float = 20 * SECONDS) -> list[Node]:
    """Read the nodes when the managers know of each whether it is there.

    A leader that was just elected calls every node “unknown” until it has heard from it.
    """
    deadline = time.monotonic() + timeout
    while True:
        members = nodes(manager)
        if time.monotonic() > deadline or not any(node.is_awaited for node in members):
            return members
        time.sleep(0.3 * SECONDS)


def promote(manager: Host, node: Node) -> None:
    """Make a worker a manager and wait until the other managers count with it."""
    manager.run(["docker", "node", "promote", node.id])
    _wait(manager, f"{node.name} a manager", lambda: _is(manager, node, "manager"))


def demote(manager: Host, node: Node) -> None:
    """Make a manager a worker and wait until the other managers count without it."""
    result = manager.run(["docker", "node", "demote", node.id], check=False)
    if FORGOTTEN in result.err:
        return
    result.check()
    _wait(manager, f"{node.name} a worker", lambda: _is(manager, node, "worker"))


def drain(manager: Host, node: Node, timeout: float = 2 * MINUTES) -> None:
    """Move a node's tasks elsewhere and wait until none runs there."""
    _update(manager, ["--availability", "drain"], node.id)
    argv = ["docker", "node", "ps", node.id, "--filter", "desired-state=running", "--quiet"]
    if node.is_ready:
        _wait(manager, f"{node.name} empty", lambda: not manager.run(argv).out.strip(), timeout)


def remove(manager: Host, node: Node, host: Host | None) -> None:
    """Take a node out: drain, demote, leave, forget. `host` is None for one that is dead."""
    drain(manager, node)
    if node.is_manager:
        demote(manager, node)
    if host is not None:
        leave(host)
    manager.run(["docker", "node", "rm", "--force", node.id])


def forget(manager: Host, node: Node) -> None:
    """Strike a node off that has left, or is dead."""
    if node.is_manager:
        demote(manager, node)
    manager.run(["docker", "node", "rm", "--force", node.id])


def force_new_cluster(host: Host, advertise: str) -> None:
    """Make a manager without a majority the only one; it keeps services, records and secrets."""
    place = ["--advertise-addr", advertise, "--listen-addr", f"0.0.0.0:{PORT}"]
    host.run(["docker", "swarm", "init", "--force-new-cluster", *place])


def leave(host: Host) -> bool:
    """Leave the Swarm, also as its last manager; True if the host was in one."""
    if membership(host).state == "inactive":
        return False
    host.run(["docker", "swarm", "leave", "--force"])
    return True


def _other_swarm(host: Host, current: Membership) -> Refused:
    state = ": ".join(word for word in (f"state {current.state}", current.trouble) if word)
    return Refused(
        f"{host.name}: it belongs to another Swarm ({state}); if that is a "
        f"left-over, type `docker swarm leave --force` on {host.name}, then run this again"
    )


def _post(host: Host, path: str, body: Mapping[str, object]) -> None:
    """Ask the engine over its own socket, with the client every engine has."""
    content = json.dumps(body).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(content)}\r\nConnection: close\r\n\r\n"
    )
    argv = ["docker", "system", "dial-stdio"]
    answer = host.run(argv, stdin=head.encode() + content, timeout=1 * MINUTES)
    head, _, text = answer.out.partition("\r\n\r\n")
    status = head.partition("\r\n")[0]
    if " 200 " not in f"{status} ":
        message = text.strip() or status or "no answer"
        raise HostError(host.name, f"the engine refuses {path}: {message[:300]}")


def _update(manager: Host, words: Sequence[str], node: str) -> None:
    """Two changes of a node at once are refused by the store; the later one comes again."""
    for attempt in range(5):
        try:
            manager.run(["docker", "node", "update", *words, node])
            return
        except CommandFailed as error:
            if "out of sequence" not in error.stderr or attempt == 4:
                raise
            time.sleep(0.2)


def _is(manager: Host, node: Node, role: str) -> bool:
    argv = ["docker", "node", "inspect", node.id, "--format", "{{json .ManagerStatus}}"]
    status = manager.run(argv, check=False).out.strip()
    return (status not in ("", "null")) == (role == "manager")


def _wait(host: Host, what: str, reached: Callable[[], bool], timeout: float = 1 * MINUTES) -> None:
    began = time.monotonic()
    deadline = began + timeout
    while not reached():
        now = time.monotonic()
        if now > deadline:
            raise HostError(host.name, f"{what}: not within {timeout:.0f} s")
        time.sleep(max(0.3 * SECONDS, now - began))  # a busy machine is asked less often
        began = time.monotonic()


def _free_pool(host: Host) -> str:
    """Networks of the Swarm must not hide the network the machines are in (default: 10.0.0.0/8)."""
    used = script(host, "ip -4 route 2>/dev/null || :").out
    free = [pool for pool in POOLS if f"{pool.rsplit('.', 2)[0]}." not in used]
    return (free or list(POOLS))[0]


def _name(node: Node) -> str:
    return node.name


def change_keys(manager: Host) -> None:
    """Give a Swarm other join tokens, and all its nodes certificates of another authority.

    A node that is away gets its own when it is back; until then both authorities count.
    """
    script(manager, CHANGE_KEYS)
