"""How an edge shows certificates that the service `certificates` keeps for all of them.

They lie as files in the edge's volume. Caddy asks for one at each handshake, by loopback, so a
renewed one is shown without a reload, which would close connections just accepted.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from slipway.certificates import pem
from slipway.certificates.places import CHALLENGE_PORT, EDGE_PORT, IDENTITY, NAME, PORT
from slipway.environments import domains

Handler = dict[str, Any]

SHARED = "SHARED_CERTIFICATES"  # among the settings of a release that has such a service
SERVICE = "certificates"
KEPT = ("auto", "provided")  # values of TLS with which it is needed
FOLDER = "/data/certificates"
LOOPBACK = "127.0.0.1:8022"
CHALLENGES = "/.well-known/acme-challenge/*"
TAG = "identity"


def are_shared(settings: Mapping[str, str]) -> bool:
    """Whether there is such a service; else each edge obtains its own."""
    return settings.get(SHARED) == "on" and settings["TLS"] != "off"


def names_of(settings: Mapping[str, str]) -> list[str]:
    """Return the names that need a certificate, each once."""
    return list(dict.fromkeys(name.lower() for name in domains.split(settings["DOMAIN"])))


def are_named_by_routes(settings: Mapping[str, str]) -> bool:
    """Whether Caddy has certificates by itself for the names that its routes are for."""
    return settings["TLS"] != "off" and not are_shared(settings)


def show(main: dict[str, Any], apps: dict[str, Any], names: Sequence[str]) -> None:
    """Have the server `main` show what lies in the folder, and add what keeps that up to date."""
    main |= {"automatic_https": {"disable": True}, "tls_connection_policies": [{}]}
    ask = {"via": "http", "url": f"http://{LOOPBACK}/certificate"}
    identity = {"certificate": str(IDENTITY), "key": str(IDENTITY), "tags": [TAG]}
    apps["tls"] = {
        "automation": {"policies": [{"get_certificate": [ask]}]},
        "certificates": {"load_files": [identity]},
    }
    apps["http"]["servers"] |= {"certificates": _within(names), "copies": _for_the_issuer()}


def challenges(settings: Mapping[str, str]) -> list[Handler]:
    """Hand on what an authority asks to see, whichever edge it asks."""
    if not are_shared(settings):
        return []
    proxy = {**_to_the_service(CHALLENGE_PORT), "transport": _transport()}
    return [{"match": [{"path": [CHALLENGES]}], "handle": [proxy], "terminal": True}]


def _within(names: Sequence[str]) -> dict[str, Any]:
    """Serve this container alone: Caddy itself, and the edge's script that fetches the bundle."""
    mutual = {
        "server_name": NAME,
        "ca": {"provider": "file", "pem_files": [str(IDENTITY)]},
        "client_certificate_file": str(IDENTITY),
        "client_certificate_key_file": str(IDENTITY),
    }
    fetch = {**_to_the_service(PORT), "transport": _transport(tls=mutual)}
    return {
        "listen": [LOOPBACK],
        "automatic_https": {"disable": True},
        "routes": [
            *_files(list(dict.fromkeys(name.lower() for name in names))),
            {"match": [{"path": ["/bundle"]}], "handle": [fetch], "terminal": True},
            {"handle": [{"handler": "static_response", "status_code": 404}]},
        ],
    }


def _files(names: list[str]) -> Iterator[Handler]:
    for name in sorted(names, key=lambda name: name.startswith("*")):
        pattern = re.escape(name).replace(r"\*", "[^.]+")
        name_sent = {"{http.request.uri.query.server_name}": {"pattern": f"(?i)^{pattern}$"}}
        yield {
            "match": [{"path": ["/certificate"], "vars_regexp": name_sent}],
            "handle": [
                {"handler": "rewrite", "uri": f"/{pem.file_of(name)}"},
                {"handler": "file_server", "root": FOLDER},
            ],
            "terminal": True,
        }


def _for_the_issuer() -> dict[str, Any]:
    """Show the copies to an issuer that starts, and to nobody else."""
    proven = {
        "mode": "require_and_verify",
        "ca": {"provider": "file", "pem_files": [str(IDENTITY)]},
    }
    policy = {"certificate_selection": {"any_tag": [TAG]}, "client_authentication": proven}
    return {
        "listen": [f":{EDGE_PORT}"],
        "protocols": ["h1"],
        "automatic_https": {"disable": True},
        "tls_connection_policies": [policy],
        "routes": [{"handle": [{"handler": "file_server", "root": FOLDER}]}],
    }


def _to_the_service(port: int) -> Handler:
    upstreams = {"source": "a", "name": SERVICE, "port": str(port), "refresh": "1s"}
    upstreams["versions"] = {"ipv4": True}  # type: ignore[assignment]
    return {"handler": "reverse_proxy", "dynamic_upstreams": upstreams}


def _transport(**more: Mapping[str, Any]) -> dict[str, Any]:
    limits = {"dial_timeout": "2s", "response_header_timeout": "10s"}
    return {"protocol": "http", **limits, **more}
