"""How programs write a value down: JSON, URLs, pages, SQL, connection strings, shells, base64."""

import base64
import html
import json
import re
import urllib.parse
from collections.abc import Iterator

SHORTEST = 4  # to mask a shorter value would riddle ordinary text with holes
SHORTEST_CODED = 6  # of a piece of base64, which looks like any other
# What each leaves as it is in a URL, beside letters, digits and `-._~`.
SAFE = {
    "RFC 3986, Python's quote_plus, Go's QueryEscape": "",
    "Python's quote": "/",
    "JavaScript's encodeURIComponent": "!'()*",
    "JavaScript's encodeURI": ";,/?:@&=+$#!'()*",
    "Go's PathEscape": "$&+=:@",
    "Go's user and password": "$&+,;=",
}
# What bash's printf %q and `set -x` write in $'…'; all else that is no ASCII in octal or as it is.
ANSI_C = {"\a": "a", "\b": "b", "\x1b": "E", "\f": "f", "\n": "n", "\r": "r", "\t": "t", "\v": "v"}


def forms(value: str) -> set[bytes]:
    """Return everything that would give a value away, but for its base64."""
    parts = {value, value.strip(), *(line.strip() for line in value.splitlines())}
    texts = {text for part in parts if len(part) >= SHORTEST for text in spellings(part)}
    encoded = {text.encode(errors="surrogateescape") for text in texts}
    return encoded | set(_lines_in_base64(stripped(value)))


def stripped(value: str) -> bytes:
    """Return a value as bytes, without the line's end of a file that holds it."""
    return value.strip().encode(errors="surrogateescape")


def in_base64(data: bytes) -> Iterator[bytes]:
    """Yield what is sure to be in the base64 of any text that holds this one."""
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data)
        sure = coded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        if len(sure) >= SHORTEST_CODED:
            yield sure
            yield sure.translate(bytes.maketrans(b"+/", b"-_"))


def _lines_in_base64(data: bytes) -> Iterator[bytes]:
    """Return the lines of a value's own base64, for where one of them is shown alone."""
    sure = base64.b64encode(data)[: len(data) * 8 // 6]
    for width in (64, 76):
        for start in range(0, len(sure) if len(sure) > width else 0, width):
            if len(line := sure[start : start + width]) >= SHORTEST_CODED:
                yield line


def spellings(text: str) -> set[str]:
    """Return a text and everything that programs make of it."""
    written = {*_in_json(text), *_in_pages(text)}
    return {text, *written, *_in_urls(text), *_in_sql(text), *_in_shells(text)}


def _in_urls(text: str) -> Iterator[str]:
    for safe in SAFE.values():
        quoted = urllib.parse.quote(text, safe=safe, errors="surrogateescape")
        yield from (quoted, re.sub("%..", lambda code: code[0].lower(), quoted))
        yield quoted.replace("%20", "+")


def _in_pages(text: str) -> Iterator[str]:
    written = html.escape(text)
    yield from (written, html.escape(text, quote=False), written.replace("&#x27;", "&#39;"))


def _in_json(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        written = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        for each in (written, _in_html(written)):
            yield from (each, each.replace("/", "\\/"))
            yield re.sub(r"(?<=\\u)[0-9a-f]{4}", lambda code: code[0].upper(), each)


def _in_html(written: str) -> str:
    """Return what Go and others make of JSON, so that it may stand in a page."""
    return re.sub("[<>&\u2028\u2029]", lambda sign: f"\\u{ord(sign[0]):04x}", written)


def _in_sql(text: str) -> Iterator[str]:
    doubled = text.replace("'", "''")
    yield from (doubled, text.replace('"', '""'), doubled.replace("\\", "\\\\"))
    yield re.sub(r"['\\]", r"\\\g<0>", text)  # libpq's connection strings


def _in_shells(text: str) -> Iterator[str]:
    yield from (text.replace("'", quote) for quote in ("'\\''", "'\"'\"'"))
    for specials in (r'[$`"\\]', r'[$`"\\!]', r"[^\w@%+=:,./-]"):
        yield re.sub(specials, r"\\\g<0>", text)
    yield text.replace("$", "$$")  # for Compose, make and the like
    for raw in (True, False):
        yield "".join(_in_ansi_c(sign, raw) for sign in text)


def _in_ansi_c(sign: str, raw: bool) -> str:
    if sign in ANSI_C:
        return f"\\{ANSI_C[sign]}"
    if sign in "'\\":
        return f"\\{sign}"
    if (sign.isascii() and sign.isprintable()) or (raw and not sign.isascii()):
        return sign
    return "".join(f"\\{byte:03o}" for byte in sign.encode(errors="surrogateescape"))
