"""TRUSTED_PROXIES: the balancers in front of the edge whose word on a client is taken, checked."""

import ipaddress


def split(text: str) -> tuple[str, ...]:
    """Return the addresses and networks between the commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def complaint(text: str) -> str:
    """Say which part is no address or network, and what to write; nothing where all are."""
    for part in split(text):
        try:
            network = ipaddress.ip_network(part, strict=False)
        except ValueError:
            return f"{part[:60]!a} is no address; write addresses or networks such as 10.0.0.0/24"
        if network.prefixlen == 0:
            return f"{part!a} is everybody, who could then take any address; name the balancers"
        if "/" in part and str(network) != part.lower():
            return f"{part!a} has an address in a network; write {network}"
    return ""
