"""Digits drawn from the address of a client: the same for each request, and on every edge.

Caddy has no hash that a condition could use, but one by which it chooses among replicas. So it
chooses among a hundred ports of its own, each of which answers with other digits.
"""

from typing import Any

DIGITS = 4
COUNT, FIRST_PORT = 100, 8100  # a port for each hundredth of all addresses
LAST_PORT = FIRST_PORT + COUNT - 1
LOOPBACK = "127.0.0.1"
FIELD = "X-Digits"

Handler = dict[str, Any]


def digits_of(number: int) -> str:
    """Return the first digits of that hundredth, counted from 0."""
    return f"{-(-number * 16**DIGITS // COUNT):0{DIGITS}x}"


def server() -> dict[str, Any]:
    """Return the server that answers with digits, by the port that it was asked at."""
    mappings = [
        {"input": str(FIRST_PORT + number), "outputs": [digits_of(number)]}
        for number in range(COUNT)
    ]
    looked_up = {"handler": "map", "source": "{http.request.local.port}", "mappings": mappings}
    answer = {"handler": "static_response", "headers": {FIELD: ["{digits}"]}}
    return {
        "listen": [f"{LOOPBACK}:{FIRST_PORT}-{LAST_PORT}"],
        "automatic_https": {"disable": True},
        "routes": [{"handle": [looked_up | {"destinations": ["{digits}"]}, answer]}],
    }


def by_address(variable: str) -> Handler:
    """Return what sets a variable to the digits of the client, whom trusted proxies name."""
    ports = range(FIRST_PORT, LAST_PORT + 1)
    keep = {"handler": "vars", variable: f"{{http.reverse_proxy.header.{FIELD}}}"}
    return {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{LOOPBACK}:{port}"} for port in ports],
        "load_balancing": {"selection_policy": {"policy": "client_ip_hash"}},
        "rewrite": {"method": "GET", "uri": "/"},  # the request itself goes on as it came
        "handle_response": [{"routes": [{"handle": [keep]}]}],
    }
