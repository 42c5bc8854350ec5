"""The addresses under which people reach an environment, as a browser takes them."""

from collections.abc import Collection, Mapping, Sequence

from slipway.edge.outside import Entrance
from slipway.environments import domains
from slipway.errors import UsageError

USUAL_PORTS = {"http": 80, "https": 443}
HERE = ("127.0.0.1", "0.0.0.0", "::1")  # noqa: S104  compared, bound by nobody


def of(settings: Mapping[str, str], entrances: Collection[Entrance]) -> list[str]:
    """Return the names of DOMAIN; where it is empty, the machines.

    Behind a balancer names are reached by HTTPS, which ends there.
    """
    ends_here = settings["TLS"] != "off"
    names = domains.split(settings["DOMAIN"])
    if names and not ends_here and settings.get("TRUSTED_PROXIES"):
        return [f"https://{name}" for name in names]
    scheme = "https" if ends_here else "http"
    ports = {entrance: entrance.https if ends_here else entrance.http for entrance in entrances}
    if names:
        different = dict.fromkeys(ports.values())
        return [_address(scheme, name, port) for name in names for port in different]
    return [_address(scheme, each.address, port) for each, port in ports.items()]


def openable(addresses: Sequence[str], path: str) -> list[str]:
    """Return those that a browser can open, with a path. Raises UsageError where none is one."""
    whole = [f"{address}/{path.lstrip('/')}" if path else address for address in addresses]
    if names := [address for address in whole if "*" not in address]:
        return names
    raise UsageError(f"any name serves that {', '.join(addresses)} stands for; open one of them")


def _address(scheme: str, name: str, port: int) -> str:
    host = "localhost" if name in HERE else f"[{name}]" if ":" in name else name
    return f"{scheme}://{host}" + ("" if port == USUAL_PORTS[scheme] else f":{port}")
