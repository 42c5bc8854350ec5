"""The ports of a machine that its edge takes, and what of the edge is behind each."""

from slipway.edge import http3
from slipway.environments.environment import Environment

HTTP, HTTPS = 8080, 8443  # in the edge's container


def published(env: Environment) -> dict[int, int]:
    """Map the ports of an edge's container to those of its machine."""
    ports = {HTTP: env.number("HTTP_PORT")}
    if env.settings["TLS"] != "off":
        ports[HTTPS] = env.number("HTTPS_PORT")
    return ports


def of(env: Environment) -> list[dict[str, str | int]]:
    """Return the ports as a stack file describes them."""
    pairs = [(target, port, "tcp") for target, port in published(env).items()]
    if http3.is_on(env.settings):
        pairs.append((HTTPS, env.number("HTTPS_PORT"), "udp"))
    return [
        {"target": target, "published": port, "protocol": protocol, "mode": "host"}
        for target, port, protocol in pairs
    ]
