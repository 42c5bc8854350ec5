"""What every answer carries: what keeps a browser careful, and nothing of what runs here."""

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.environments import proxies

Handler = dict[str, Any]

SERVERS = ("Server", "Via", "X-Powered-By")
RELEASES = ("X-Release", "X-Colour")
UP = "/_edge/up"  # answered by the edge, with the id of its routes for whoever knows their key
KEY = "X-Routes"  # who names the edge's routes with it is no stranger
TYPED = {"X-Content-Type-Options": ["nosniff"]}
DENIED = {"X-Frame-Options": ["DENY"]}  # browsers pass over it where a policy names ancestors
UNFRAMED = {**DENIED, "Content-Security-Policy": ["frame-ancestors 'none'"]}
NO_PAGE = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
OWN = {**TYPED, **UNFRAMED, "Content-Security-Policy": [NO_PAGE]}  # of the edge's own answers
HTTPS_ONLY = "Strict-Transport-Security"
DAY = 24 * 60 * 60


def shows_release(settings: Mapping[str, str]) -> bool:
    """Whether anybody may know which release answers; a project that does not say so shows it."""
    return settings.get("SHOW_RELEASE", "on") == "on" or settings.get("LAB") == "on"


def of_answers(settings: Mapping[str, str], ident: str) -> list[Handler]:
    """Add to answers what they do not say themselves, and take out which programs made them."""
    hidden = [{"handle": [_without(SERVERS)]}]
    if not shows_release(settings):
        stranger = {"not": [{"header": {KEY: [ident]}}]}
        hidden.append({"match": [stranger], "handle": [_without(RELEASES)]})
    # The last of them looks at an answer first: a policy of ours must not outdo their own word.
    careful = {"handle": [_unless_said(TYPED), _unless_said(DENIED), _unless_said(UNFRAMED)]}
    return [*hidden, careful, *_https_only(settings)]


def of_errors(settings: Mapping[str, str]) -> list[Handler]:
    """Set them for what comes past the routes: an error, a redirection."""
    careful = {"handler": "headers", "response": {"set": OWN, "delete": list(SERVERS)}}
    return [{"handle": [careful]}, *_https_only(settings)]


def _https_only(settings: Mapping[str, str]) -> list[Handler]:
    """Have browsers use HTTPS alone, whether it ends here or at a proxy in front."""
    days = int(settings.get("HSTS_DAYS", "0"))
    ways: list[dict[str, object]] = [{"protocol": "https"}]
    if trusted := proxies.split(settings.get("TRUSTED_PROXIES", "")):
        forwarded = {"header": {"X-Forwarded-Proto": ["https"]}}
        ways.append({"remote_ip": {"ranges": list(trusted)}, **forwarded})
    header = _unless_said({HTTPS_ONLY: [f"max-age={days * DAY}"]})
    return [{"match": ways, "handle": [header]}] if days else []


def _without(names: Sequence[str]) -> Handler:
    return {"handler": "headers", "response": {"delete": list(names), "deferred": True}}


def _unless_said(headers: Mapping[str, Sequence[str]]) -> Handler:
    """Set headers of an answer that has none of them."""
    require = {"headers": dict.fromkeys(headers)}
    return {"handler": "headers", "response": {"set": headers, "require": require}}
