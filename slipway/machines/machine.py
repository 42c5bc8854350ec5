"""One machine of an environment, as its inventory file says it."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from slipway.errors import ConfigError, UsageError

NAME = re.compile(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?")
IN_A_WORD = re.compile(r"([^\s-]\S*)?")  # what ssh cannot take for an option
DATA, APP = "data", "app"


@dataclass(frozen=True)
class Machine:
    """`host` and `port` are where SSH goes from here; `address` is where the other machines
    find it. The first machine of an environment has the role `data`: data services live there."""

    name: str
    host: str
    port: int = 22
    user: str = "root"
    address: str = ""
    provider: str = "ssh"
    role: str = APP
    http_port: int = 80  # where this computer reaches the machine's edge, at `host`
    https_port: int = 443

    @property
    def ssh(self) -> str:
        """How a person would write it: `deploy@203.0.113.7`, with the port when it is unusual."""
        if self.port == 22:
            return f"{self.user}@{self.host}"
        return f"{self.user}@{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def check_name(name: str) -> None:
    """Raise UsageError unless the name is one for machines."""
    if not NAME.fullmatch(name):
        raise UsageError(
            f"{name[:40]!a} is not a valid machine name; use a-z, 0-9 and -, like m1 or web-2"
        )


def parse(name: str, entry: object, source: str) -> Machine:
    """Make a machine of an entry of the inventory. Raises ConfigError with file and key."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{source}: {name!a} is not a valid machine name; use a-z, 0-9 and -")
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{source}: {name} must be a mapping with host, user, address")
    types = {field.name: type(field.default) for field in fields(Machine)} | {"host": str}
    values: dict[str, Any] = {"name": name}
    for key, value in entry.items():
        expected = types.get(key) if key != "name" else None
        if expected is None:
            raise ConfigError(f"{source}: {name}.{key!a} is unknown")
        if not isinstance(value, expected) or isinstance(value, bool):
            raise ConfigError(f"{source}: {name}.{key} must be of type {expected.__name__}")
        values[key] = value
    for key in ("port", "http_port", "https_port"):
        if not 0 < values.get(key, 1) < 65536:
            raise ConfigError(f"{source}: {name}.{key} must be a port, 1 to 65535")
    for key in ("host", "user", "address"):
        if not IN_A_WORD.fullmatch(values.get(key, "")):
            raise ConfigError(f"{source}: {name}.{key}: {values[key][:60]!a} is none")
    if not values.get("host"):
        raise ConfigError(f"{source}: {name}.host is missing")
    if values.get("role", APP) not in (DATA, APP):
        raise ConfigError(f"{source}: {name}.role must be {DATA} or {APP}")
    return Machine(**values)


def entry(machine: Machine) -> dict[str, str | int]:
    """The inventory's entry of a machine; what is as always is left out."""
    usual = {field.name: field.default for field in fields(Machine)}
    always = {"host", "user", "address", "provider", "role"}
    values = {key: value for key, value in asdict(machine).items() if key != "name"}
    return {key: value for key, value in values.items() if key in always or value != usual[key]}
