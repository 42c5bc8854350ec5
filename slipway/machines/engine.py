"""A working Docker Engine on a host: looked at in one round trip, then one per change."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from slipway import shell_scripts
from slipway.errors import ConfigError, HostError, Refused
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, CommandResult, Host, script

OLDEST = 26
ROOM_KB = 1_000_000
LOG_LIMITS = {"max-size": "10m", "max-file": "5"}
NEEDED = f"Docker Engine >= {OLDEST} with Compose v2 and buildx"
ENGINE_PACKAGES = {
    "debian": ("docker.io", "docker-cli", "ca-certificates"),
    "ubuntu": ("docker.io", "ca-certificates"),
}
PLUGIN_PACKAGES = {
    "debian": ("docker-compose", "docker-buildx"),
    "ubuntu": ("docker-compose-v2", "docker-buildx"),
}
FACTS_SCRIPT = shell_scripts.read(__file__, "engine_facts.sh")
INSTALL_SCRIPT = shell_scripts.read(__file__, "engine_install.sh")
CONFIGURE_SCRIPT = shell_scripts.read(__file__, "engine_configure.sh")
START_SCRIPT = shell_scripts.read(__file__, "engine_start.sh")
STOP_SCRIPT = shell_scripts.read(__file__, "engine_stop.sh")


@dataclass(frozen=True)
class EngineFacts:
    """What a host has; an empty string is "none"."""

    user: str
    root: bool
    sudo: bool
    direct: bool  # the user may talk to the engine
    denied: bool  # an engine runs and would not talk to the user
    system: str
    version: str
    codename: str
    pretty: str
    init: str  # systemd, none, or desktop: an engine that only a person can start
    endpoint: str
    cli: str
    daemon: str
    engine: str
    compose: str
    buildx: str
    free_kb: int
    config: str

    @property
    def too_old(self) -> bool:
        return bool(self.engine) and _major(self.engine) < OLDEST

    @property
    def lacks_plugins(self) -> bool:
        return _major(self.compose) < 2 or not self.buildx

    @property
    def complete(self) -> bool:
        """Whether an engine of the right age answers this user and its client has both plugins."""
        return bool(self.engine) and not self.too_old and not self.lacks_plugins and self.direct


def ensure_engine(host: Host, *, machine: bool = False) -> list[str]:
    """Make an engine work on the host; return a line for each thing done, none when it does.

    On a `machine` its settings are ours: log limits, no-new-privileges, no live-restore. On a
    person's own computer an engine that works is left as it is.
    Raises Refused when it may not or cannot, with what to type.
    """
    facts = look(host)
    changes: list[str] = []
    for _ in range(2):  # an engine that was stopped tells its age only once it runs
        config = _merged(host, facts.config) if machine else facts.config
        if facts.complete and config == facts.config:
            return changes
        _check_may_change(host, facts, machine=machine)
        changes += [f"{host.name}: {what}" for what in _change(host, facts, config)]
        host.close()  # a new login sees the new group
        facts = look(host)
    if not facts.direct:
        raise Refused(
            f"{host.name}: {facts.user} is in the group docker from the next login on; "
            "log out and in again (or type `newgrp docker`), then run this again"
        )
    if not facts.complete:
        raise HostError(
            host.name,
            f"after all changes there is engine {facts.engine or 'none'}, Compose "
            f"{facts.compose or 'none'}, buildx {facts.buildx or 'none'}; {NEEDED} is needed",
        )
    return changes


def look(host: Host) -> EngineFacts:
    """Learn what the host has."""
    head, _, config = script(host, FACTS_SCRIPT).out.partition("\n--\n")
    with reading(host.name, "what it has"):
        values = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
        root = values.pop("uid") == "0"
        return EngineFacts(
            root=root,
            sudo=values.pop("sudo") == "yes",
            direct=values.pop("direct") == "yes" or root,
            denied=values.pop("denied") == "yes",
            free_kb=int(values.pop("free") or 0),
            config=config,
            **values,
        )


def _change(host: Host, facts: EngineFacts, config: str) -> Iterator[str]:
    if config != facts.config:
        _as_root(host, facts, CONFIGURE_SCRIPT, stdin=config.encode())
        yield "wrote /etc/docker/daemon.json (log limits, no-new-privileges)"
    if facts.engine and (facts.too_old or config != facts.config):
        _as_root(host, facts, STOP_SCRIPT, facts.init)
        yield f"stopped engine {facts.engine}"
    engine = () if facts.daemon and not facts.too_old else ENGINE_PACKAGES[facts.system]
    if facts.lacks_plugins or engine:
        packages = (*engine, *PLUGIN_PACKAGES[facts.system])
        timeout = 15 * MINUTES
        result = _as_root(host, facts, INSTALL_SCRIPT, str(OLDEST), *packages, timeout=timeout)
        yield f"installed {result.out.strip().splitlines()[-1]}"
    if not facts.engine or facts.too_old or config != facts.config:
        _as_root(host, facts, START_SCRIPT, facts.init)
        yield "started the engine"
    if not facts.direct:
        _as_root(host, facts, 'usermod -aG docker "$1"', facts.user)
        yield f"added {facts.user} to the group docker"


def _check_may_change(host: Host, facts: EngineFacts, *, machine: bool) -> None:
    if facts.too_old and not machine:
        raise Refused(
            f"{host.name}: Docker Engine {facts.engine} is too old; {NEEDED} is needed, "
            "and updating it would restart your containers: do that yourself, then run this again"
        )
    if not facts.engine and facts.endpoint:
        raise Refused(
            f"{host.name}: no engine answers at {facts.endpoint}; start it or go back to "
            "this computer's own (`unset DOCKER_HOST`, `docker context use default`)"
        )
    if facts.cli and not facts.engine and facts.init == "desktop":
        raise Refused(f"{host.name}: the engine is stopped; start it and run this again")
    missing = not facts.daemon or facts.lacks_plugins or facts.too_old
    if missing and not _supported(facts):
        raise Refused(
            f"{host.name}: {facts.pretty} is neither Debian >= 12 nor Ubuntu >= 22.04 with apt; "
            f"install {NEEDED} by hand, then run this again"
        )
    if not facts.root and not facts.sudo:
        raise Refused(
            f"{host.name}: {facts.user} is not root and `sudo -n` wants a password; "
            f"as root {_advice(facts, missing=missing)}, then run this again"
        )
    if missing and facts.free_kb < ROOM_KB:
        raise Refused(
            f"{host.name}: only {facts.free_kb // 1024} MB are free below /var; "
            f"free {ROOM_KB // 1024} MB and run this again"
        )


def _advice(facts: EngineFacts, *, missing: bool) -> str:
    """What a person with the password types instead of us."""
    if facts.denied and not missing:
        return f"type `usermod -aG docker {facts.user}`, log in again"
    if not missing:
        start = "systemctl enable --now docker" if facts.init == "systemd" else "dockerd"
        return f"type `{start}`"
    if facts.codename == "bookworm":
        return f"install {NEEDED} (Debian 13's packages run on Debian 12)"
    packages = (*ENGINE_PACKAGES[facts.system], *PLUGIN_PACKAGES[facts.system])
    return f"type `apt-get install {' '.join(packages)}`"


def _as_root(
    host: Host,
    facts: EngineFacts,
    text: str,
    *args: str,
    stdin: bytes = b"",
    timeout: float = 3 * MINUTES,
) -> CommandResult:
    argv = ["sh", "-euc", text, "sh", *args]
    return host.run(argv if facts.root else ["sudo", "-n", *argv], stdin=stdin, timeout=timeout)


def _merged(host: Host, text: str) -> str:
    """The machine's daemon.json with our settings in it; what it says besides stays."""
    try:
        before = json.loads(text or "{}")
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{host.name}: /etc/docker/daemon.json is not JSON: {error}") from None
    if not isinstance(before, dict) or not isinstance(before.get("log-opts", {}), dict):
        raise ConfigError(f"{host.name}: /etc/docker/daemon.json is not what dockerd reads")
    after: dict[str, Any] = {"log-driver": "local", **before, "no-new-privileges": True}
    if after["log-driver"] in ("local", "json-file"):
        after["log-opts"] = {**LOG_LIMITS, **before.get("log-opts", {})}
    if after.get("live-restore"):
        after["live-restore"] = False  # a Swarm node cannot start with it
    return text if after == before else json.dumps(after, indent=2) + "\n"


def _supported(facts: EngineFacts) -> bool:
    oldest = {"debian": 12.0, "ubuntu": 22.04}.get(facts.system)
    version = re.match(r"\d+(\.\d+)?", facts.version)
    return oldest is not None and version is not None and float(version[0]) >= oldest


def _major(version: str) -> int:
    match = re.match(r"\d+", version)
    return int(match[0]) if match else 0
