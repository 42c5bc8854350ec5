"""Who asks, as far as limits need to know: the network of an address, and a browser seen before."""

import hmac
import ipaddress
import secrets

PREFIX = 64  # one subscriber has at least that much of IPv6, and may take any address in it
NOWHERE = "unknown"


def network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or the /64 of an IPv6 address."""
    try:
        found = ipaddress.ip_address(address.strip().partition("%")[0])
    except ValueError:
        return NOWHERE
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped is None:
            return str(ipaddress.ip_network((int(found), PREFIX), strict=False))
        found = found.ipv4_mapped
    return str(found)


class Devices:
    """Marks a browser that has signed in, so that strangers' guesses do not lock it out."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def mark(self, account: int) -> str:
        """Make a mark for the browser of an account."""
        name = secrets.token_urlsafe(16)
        return f"{name}.{self._seal(account, name)}"

    def known(self, account: int, mark: str) -> str:
        """Return the name of a browser that has signed in to this account, or nothing."""
        name, _, seal = mark.partition(".")
        right = hmac.compare_digest(seal.encode(), self._seal(account, name).encode())
        return name if right else ""

    def _seal(self, account: int, name: str) -> str:
        return hmac.digest(self._key, f"device {account} {name}".encode(), "sha256").hex()
