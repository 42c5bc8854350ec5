"""DOMAIN: the names that the edge answers to, read and checked."""

import contextlib
import re

LABEL = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"  # an underscore serves within a network
DOMAIN = re.compile(rf"(?:\*\.)?(?:{LABEL}\.)*{LABEL}", re.IGNORECASE)
LONGEST = 253


def split(text: str) -> tuple[str, ...]:
    """Return the names between the commas."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def complaint(text: str) -> str:
    """Say which name is none, and what to write; nothing where all are."""
    for name in split(text):
        if not DOMAIN.fullmatch(name) or len(name) > LONGEST:
            return f"{name[:60]!a} is no domain name; write {_instead(name)}"
    return ""


def _instead(name: str) -> str:
    if len(name.split()) > 1 and all(DOMAIN.fullmatch(each) for each in name.split()):
        return ",".join(name.split())
    host = re.sub(r"^[a-z]+://|[:/].*$", "", name, flags=re.IGNORECASE)
    if DOMAIN.fullmatch(host):
        port = " (ports are HTTP_PORT and HTTPS_PORT)" if re.search(r":\d+", name) else ""
        return f"{host}{port}"
    with contextlib.suppress(UnicodeError):
        if DOMAIN.fullmatch(ascii_name := host.encode("idna").decode()):
            return ascii_name
    return "names such as shop.example.com, with commas between them"
