"""What the containers of a machine may do to it."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from slipway.machines.audit.facts import Facts
from slipway.machines.audit.finding import Finding, high, low, medium

Container = Mapping[str, Any]
TO_ROOT = {"ALL", "SYS_ADMIN", "SYS_MODULE", "SYS_PTRACE", "SYS_RAWIO", "DAC_READ_SEARCH", "BPF"}
ON_THE_WIRE = {"NET_ADMIN"}
SENSITIVE = ("/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/usr", "/var/run")
STORES = "/var/lib/docker"
SAY = "say so in compose.yml"

# What a container does, by its check, how bad that is, in words, and the remedy.
Rule = tuple[str, Callable[[str, str, str], Finding], Callable[[Container], bool], str, str]


def _rights(container: Container) -> set[str]:
    return {name.removeprefix("CAP_") for name in container["CapAdd"] or ()}


def _drops_all(container: Container) -> bool:
    return "ALL" in (container["CapDrop"] or ())


def _is_root(container: Container) -> bool:
    return container["user"].partition(":")[0] in ("", "0", "root")


def _binds(container: Container, *, may_write: bool) -> list[str]:
    return [
        mount["Source"]
        for mount in container["mounts"] or ()
        if mount["Type"] == "bind" and mount["RW"] is may_write
    ]


def _is_sensitive(path: str) -> bool:
    return path in ("/", STORES) or any(f"{path}/".startswith(f"{each}/") for each in SENSITIVE)


def _has_socket(container: Container) -> bool:
    paths = [*_binds(container, may_write=True), *_binds(container, may_write=False)]
    return any(path.endswith("/docker.sock") for path in paths)


def _shares(container: Container, *spaces: str) -> bool:
    return any(container[space] == "host" for space in spaces)


def _is_unconfined(container: Container) -> bool:
    return any(option.endswith("unconfined") for option in container["SecurityOpt"] or ())


RULES: tuple[Rule, ...] = (
    ("privileged", high, lambda one: one["Privileged"], "are privileged, so root on the machine",
     f"take privileged out of it, {SAY}"),
    ("socket", high, _has_socket, "have docker.sock, so are root on the machine",
     "give them what they ask the engine for in another way"),
    ("mounts", high,
     lambda one: any(map(_is_sensitive, _binds(one, may_write=True))),
     "may write the machine's own folders", "use volumes, or mount a folder of their own"),
    ("mounts", medium,
     lambda one: any(map(_is_sensitive, _binds(one, may_write=False))) and not _has_socket(one),
     "may read the machine's own folders", "use volumes, or mount a folder of their own"),
    ("capabilities", high, lambda one: bool(_rights(one) & TO_ROOT),
     "have capabilities that lead to root", f"take them out of cap_add, {SAY}"),
    ("capabilities", medium, lambda one: bool(_rights(one) & ON_THE_WIRE),
     "may change networks", f"take NET_ADMIN out of cap_add, {SAY}"),
    ("namespaces", high, lambda one: _shares(one, "PidMode", "IpcMode"),
     "see the processes of the machine", f"take pid and ipc out of it, {SAY}"),
    ("namespaces", medium, lambda one: _shares(one, "NetworkMode"),
     "are on the machine's own network, past its firewall", f"take network_mode out of it, {SAY}"),
    ("unconfined", high, _is_unconfined, "run without seccomp or AppArmor",
     "take unconfined out of security_opt"),
    ("root", medium, lambda one: _is_root(one) and not _drops_all(one),
     "run as root with a container's usual rights", "set user, or cap_drop: [ALL], in compose.yml"),
    ("root", low, lambda one: _is_root(one) and _drops_all(one),
     "run as root without a container's usual rights", "set user in compose.yml"),
    ("memory", low, lambda one: not one["Memory"], "may take all of the memory",
     "set deploy.resources.limits.memory in compose.yml"),
    ("processes", low, lambda one: (one["PidsLimit"] or 0) <= 0, "may start processes without end",
     "set deploy.resources.limits.pids in compose.yml"),
    ("read-only", low, lambda one: not one["ReadonlyRootfs"], "may change their own programs",
     "set read_only: true, and tmpfs for what they write, in compose.yml"),
)  # fmt: skip


def judge(facts: Facts) -> Iterator[Finding]:
    """Find what containers may do beyond their work; those of one kind in one finding."""
    for check, severity, matches, words, remedy in RULES:
        names = sorted({_name(each) for each in facts.containers if matches(each)})
        if names:
            yield severity(f"containers.{check}", f"{', '.join(names)}: {words}", remedy)


def _name(container: Container) -> str:
    return str(container["service"] or container["name"]).removeprefix("/")
