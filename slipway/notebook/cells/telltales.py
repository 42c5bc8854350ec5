"""What is a secret by its look alone: private keys, passwords in addresses, webhooks."""

import re
from typing import NamedTuple

SLASH = rb"(?:\\*/|%2[fF])"
REST = rb"((?:[^\s\"'<>\\)\]|]|\\/)+)"  # of an address
# A variable in place of a value gives nothing away, nor does what is masked already.
VALUE = rb"(?!\$[\w{(]|\*\*\*|<)('(?:[^'\\\n]|\\.)*'?|\"[^\"\n]*\"?|\{[^}\n]*\}?|[^\s;'\"&]+)"
PASSWORD = rb"(?:ssl)?password|passwd|pwd|(?:shared)?access_?key|accountkey"
SERVER = (
    rb"host(?:addr)?|dbname|database|user(?:name| id)?|uid|port|server|data source|endpoint"
    rb"|sharedaccesskeyname|accountname|sslmode"
)
KEY_LINE = rb"(?:[ \t]*+(?:\\+r|\\+n|\r|\n)++[ \t>|]*+(?:[\w-]+: [^\r\n\\]*+|[\w+/=]*+))"
BEGIN = rb"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
END = rb"(?:-----END[^-\n]{0,60}-----)?"
WEBHOOKS = (
    rb"hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/",
    rb"discord(?:app)?\.com/api/(?:v[0-9]+/)?webhooks/",
    rb"webhook\.office\.com/webhookb2/",
    rb"outlook\.office(?:365)?\.com/webhook/",
    rb"logic\.azure\.com(?::[0-9]+)?/workflows/",
    rb"api\.powerplatform\.com(?::[0-9]+)?/",
    rb"chat\.googleapis\.com/v1/spaces/",
    rb"api\.telegram\.org/bot",
    rb"hooks\.zapier\.com/hooks/catch/",
    rb"maker\.ifttt\.com/trigger/",
    rb"events\.pagerduty\.com/integration/",
    rb"(?:hc-ping\.com|nosnch\.in)/",
    rb"/hooks/(?=[a-z0-9]{20})",  # Mattermost, Rocket.Chat and others, wherever they stand
    rb"/open-apis/bot/v2/hook/",
    rb"(?:dingtalk\.com/robot/send|weixin\.qq\.com/cgi-bin/webhook/send)\?",
)


class Telltale(NamedTuple):
    """Patterns whose first group is the secret, looked for where a sign and a mark of them are.

    Marks are in small letters, and found in capitals too.
    """

    sign: bytes
    marks: tuple[bytes, ...]
    patterns: tuple[re.Pattern[bytes], ...]
    under_way: re.Pattern[bytes] | None = None  # the begin of one, at the end of a text


def _of(text: bytes) -> re.Pattern[bytes]:
    return re.compile(text, re.IGNORECASE)


AGE = Telltale(
    b"-", (b"age-s",), (_of(rb"(AGE-SECRET-KEY-[0-9A-Z-]{20,})"),), _of(rb"(AGE-S[0-9A-Z-]*)\Z")
)
PEM = Telltale(
    b"-",
    (b"private key",),
    (re.compile(rb"%b(%b+%b)" % (BEGIN, KEY_LINE, END)),),
    re.compile(rb"%b(%b*+[ \t>|\\]*+[\w:+/=, .-]*+)\Z" % (BEGIN, KEY_LINE)),
)
PUTTY = Telltale(
    b"-", (b"private-lines",), (re.compile(rb"Private-Lines: [0-9]+(%b+)" % KEY_LINE),)
)
ADDRESS = Telltale(
    b"/",
    (b"//", b"\\/"),
    (re.compile(rb":(?:\\*/){2}[^\s/:@'\"<>]*:(?!\$\{?\w+\}?@|\*\*\*@|<)([^\s/@'\"]+)@"),),
    re.compile(rb":(?:\\*/){2}([^\s/@'\"<>]{0,1000})\Z"),
)
CODED_ADDRESS = Telltale(
    b"%",
    (b"%3a%2f",),
    (_of(rb"%3A%2F%2F[\w.~-]*?%3A((?:[\w.~+-]|%(?!40|2F)..)+)%40"),),
    _of(rb"%3A%2F%2F([\w.~+%-]{0,1000})\Z"),
)
CONNECTION = Telltale(
    b"=",
    (b"assw", b"pwd", b"accesskey", b"access_key", b"accountkey"),
    (
        _of(rb"\b(?:%b)\s*=[^\n]{0,300}?\b(?:%b)\s*=\s*%b" % (SERVER, PASSWORD, VALUE)),
        _of(rb"\b(?:%b)\s*=\s*%b(?=[\s;&][^\n]{0,300}?\b(?:%b)\s*=)" % (PASSWORD, VALUE, SERVER)),
    ),
    _of(rb"\b(?:%b)\s*=([^\n]{0,1000})\Z" % PASSWORD),
)
WEBHOOK = Telltale(
    b"/",
    (b".com", b"hooks", b"telegram", b"nosnch", b"bot/v2"),
    (_of(rb"(?:%b)%b" % (b"|".join(WEBHOOKS).replace(b"/", SLASH), REST)),),
    _of(rb"/hooks%b([a-z0-9/]{1,100})\Z" % SLASH),
)
TELLTALES = (AGE, PEM, PUTTY, ADDRESS, CODED_ADDRESS, CONNECTION, WEBHOOK)


def look(text: bytes) -> tuple[list[tuple[int, int]], int]:
    """Return what is secret by its look alone, and where something like it is under way."""
    secrets: list[tuple[int, int]] = []
    begun = len(text)
    small = text.lower()
    for telltale in TELLTALES:
        if telltale.sign not in text or not any(mark in small for mark in telltale.marks):
            continue
        spans = [match.span(1) for each in telltale.patterns for match in each.finditer(text)]
        secrets += spans
        if telltale.under_way and (match := telltale.under_way.search(text)):
            spans.append(match.span(1))
        begun = min([begun, *(start for start, stop in spans if stop == len(text))])
    return secrets, begun
