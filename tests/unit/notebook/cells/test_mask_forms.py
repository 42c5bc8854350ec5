"""However a secret is written, and wherever its output is cut, no readable part of it is shown."""

import html
import json
import shutil
import subprocess
import urllib.parse
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.notebook.cells.mask import Mask

SIGNS = ["-", "/", "+", "é", "'", '"', "&", "<", "%", "\\"]
WORDS = st.lists(st.text("abcdefghijkm", min_size=4, max_size=6), min_size=3, max_size=6)
AROUND = st.text("vwxyz ", max_size=40)
BORDERS = st.lists(st.integers(0, 2000), min_size=1, max_size=3)
STEADY = settings(max_examples=20, deadline=None, derandomize=True)


def each_byte(template: str, joint: str = "") -> Callable[[str], str]:
    return lambda text: joint.join(template.format(byte) for byte in text.encode())


def each_sign(template: str) -> Callable[[str], str]:
    return lambda text: "".join(template.format(ord(sign)) for sign in text)


def folded(width: int, end: str = "\n") -> Callable[[str], str]:
    return lambda text: end.join(text[at : at + width] for at in range(0, len(text), width))


def in_json(text: str) -> str:
    return json.dumps(text)[1:-1]


# Of those that write a word together, with what to take out of them so that it stands together.
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "hex": each_byte("{:02x}"),
    "hex in capitals": each_byte("{:02X}"),
    "hex with colons": each_byte("{:02x}", ":"),
    "hex with blanks": each_byte("{:02x}", " "),
    "hex in lines": lambda text: folded(60)(each_byte("{:02x}")(text)),
    "hex of C": each_byte("0x{:02x}", ", "),
    "hex of Python": each_byte("\\x{:02x}"),
    "octal": each_byte("\\{:03o}"),
    "codes of URLs": each_byte("%{:02X}"),
    "codes of JSON": each_sign("\\u{:04x}"),
    "codes of JavaScript": each_sign("\\u{{{:x}}}"),
    "codes of HTML": each_sign("&#{};"),
    "hex codes of HTML": each_sign("&#x{:X};"),
    "HTML": html.escape,
    "JSON": in_json,
    "JSON in JSON": lambda text: in_json(in_json(text)),
    "JSON in JSON in JSON": lambda text: in_json(in_json(in_json(text))),
    "JSON in HTML": lambda text: html.escape(in_json(text)),
    "JSON in a URL": lambda text: urllib.parse.quote(in_json(text), safe=""),
    "a URL in a URL": lambda text: urllib.parse.quote(urllib.parse.quote(text)),
    "bytes of Python": lambda text: repr(text.encode())[2:-1],
    "SQL": lambda text: in_json(text.replace("'", "''")),
    "UTF-16": lambda text: "".join(f"{sign}\0" for sign in text),
    "coloured": lambda text: "".join(f"\x1b[3{n % 8}m{sign}\x1b[0m" for n, sign in enumerate(text)),
    "folded": folded(24),
    "folded and set off": folded(24, "\n  | "),
    "folded by quotes": folded(24, '" +\n    "'),
    "folded in a frame": folded(24, " │\n│ "),
}


def through(mask: Mask, data: bytes, borders: list[int]) -> str:
    """Send bytes through a stream that is cut at these places."""
    ends = sorted({*(at % (len(data) + 1) for at in borders), len(data)})
    stream = mask.stream()
    pieces = [stream.feed(data[a:b]) for a, b in zip([0, *ends], ends, strict=False)]
    return (b"".join(pieces) + stream.flush()).decode(errors="replace")


def readable(shown: str, words: list[str]) -> list[str]:
    """Return the words that can still be read, in whatever form."""
    together = "".join(shown.split()).replace("│", "")
    return [
        word
        for word in words
        for form in FORMS.values()
        if "".join(form(word).split()) in together
    ]  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@given(words=WORDS, sign=st.sampled_from(SIGNS), around=AROUND, borders=BORDERS)
@STEADY
def test_a_secret_is_not_read_in_any_form(
    form: str, words: list[str], sign: str, around: str, borders: list[int]
) -> None:
    secret = sign.join(words)
    text = FORMS[form](f"{around}{secret}{around}")
    mask = Mask([secret])
    assert not readable(mask.text(text), words)
    assert not readable(through(mask, text.encode(), borders), words)
    assert mask.hides(text)


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_not_read_when_it_comes_byte_by_byte(form: str) -> None:
    words = ["habe", "dachk", "fjgmi", "gackel"]
    text = FORMS[form](f"xyz {'/'.join(words)} zyx")
    assert not readable(through(Mask(["/".join(words)]), text.encode(), [*range(2000)]), words)


def xxd(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), 16):
        piece = data[at : at + 16]
        pairs = " ".join(piece[n : n + 2].hex() for n in range(0, len(piece), 2))
        yield f"{at:08x}: {pairs:39}  {piece.decode('latin-1')}\n"


def canonical(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), 16):
        piece = data[at : at + 16]
        halves = f"{piece[:8].hex(' '):23}  {piece[8:].hex(' '):23}"
        yield f"{at:08x}  {halves}  |{piece.decode('latin-1')}|\n"


def words(data: bytes, template: str = "{:04x}") -> Iterator[str]:
    for at in range(0, len(data), 16):
        pairs = (data[n : n + 2] for n in range(at, min(at + 16, len(data)), 2))
        yield f"{at:07x} {' '.join(template.format(int.from_bytes(p, 'little')) for p in pairs)}\n"


def letters(data: bytes) -> Iterator[str]:
    for at in range(0, len(data), 16):
        signs = (chr(byte) if 32 <= byte < 127 else f"{byte:03o}" for byte in data[at : at + 16])
        yield f"{at:07o}{''.join(f'{sign:>4}' for sign in signs)}\n"


DUMPS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "xxd": xxd,
    "hexdump -C": canonical,
    "hexdump": words,
    "od": lambda data: words(data, "{:06o}"),
    "od -c": letters,
}


@pytest.mark.parametrize("program", DUMPS)
@given(
    secret=st.text("abcdefghijkm -/+é'", min_size=12, max_size=50).filter(lambda s: s == s.strip()),
    before=st.text("vwxyz", max_size=40),
    borders=BORDERS,
)
@STEADY
def test_no_line_of_a_dump_shows_a_part_of_a_secret(
    program: str, secret: str, before: str, borders: list[int]
) -> None:
    lines = list(DUMPS[program](f"{before}{secret}{before}\n".encode()))
    mask = Mask([secret])
    begin, end = len(before), len(before) + len(secret.encode())
    held = [min(end, 16 * n + 16) - max(begin, 16 * n) for n in range(len(lines))]
    for shown in (mask.text("".join(lines)), through(mask, "".join(lines).encode(), borders)):
        for line, size in zip(lines, held, strict=True):
            assert size <= 0 or size < 4 or line[10:].strip() not in shown
            assert size > 0 or line in shown


@pytest.mark.parametrize(
    "argv",
    [
        "od -An -tx1",
        "od -tx1z",
        "od -td1",
        "od -tx8",
        "od -b",
        "od -d",
        "xxd -b",
        "xxd -e",
        "xxd -i",
    ],
)
def test_dumps_of_the_programs_themselves_are_read(argv: str) -> None:
    if shutil.which(argv.split()[0]) is None:
        pytest.skip(f"{argv.split()[0]} is not installed")
    secret = "a-password/of+forty-letters,and-a-few"
    data = f"name={secret};\n".encode()
    shown = subprocess.run(argv.split(), input=data, capture_output=True, check=True).stdout
    masked = Mask([secret]).text(shown.decode())
    assert "***" in masked and len(masked) < 130


AGE = "AGE-SECRET-KEY-1V8HG7NYUX72NTHA42DY7QRYZ33XYRW7C697C52ZFKMPL8STX94FS6YPACR"
PEM = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIEvQIBA/+g\nAoIBAQ==\n"
PEM += "-----END RSA PRIVATE KEY-----\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"identity {AGE} of x", "identity *** of x"),
        (AGE.lower(), "***"),
        (f"{PEM}hello", "-----BEGIN RSA PRIVATE KEY-----***\nhello"),
        (json.dumps({"k": PEM}), '{"k": "-----BEGIN RSA PRIVATE KEY-----***\\n"}'),
        (PEM[:70], "-----BEGIN RSA PRIVATE KEY-----***"),
        ("to postgres://u:p%40w@h/x", "to postgres://u:***@h/x"),
        ("amqp:\\/\\/u:pw@h", "amqp:\\/\\/u:***@h"),
        ("\x1b[1mredis\x1b[0m://:p\x1b[1mw@h", "\x1b[1mredis\x1b[0m://:***@h"),
        ("a=postgres%3A%2F%2Fu%3Apw%21%40h", "a=postgres%3A%2F%2Fu%3A***%40h"),
        ("host=db user=u password='p w' x", "host=db user=u password=*** x"),
        ("password=pw host=db", "password=*** host=db"),
        ("Server=db;Uid=u;Pwd=pw;", "Server=db;Uid=u;Pwd=***;"),
        ("AccountName=a;AccountKey=ab/c==;E=1", "AccountName=a;AccountKey=***;E=1"),
        ("jdbc:pg://h/d?user=u&password=pw&a=1", "jdbc:pg://h/d?user=u&password=***&a=1"),
        ("at //hooks.slack.com/services/T0/B/x-y now", "at //hooks.slack.com/services/*** now"),
        ('"discord.com\\/api\\/webhooks\\/1\\/x-y"', '"discord.com\\/api\\/webhooks\\/***"'),
        ("//a.webhook.office.com/webhookb2/a@b/c/d", "//a.webhook.office.com/webhookb2/***"),
        ("//a.logic.azure.com:443/workflows/a?sig=b", "//a.logic.azure.com:443/workflows/***"),
        ("//chat.example.org/hooks/abcdefghij0123456789", "//chat.example.org/hooks/***"),
        ("https://api.telegram.org/bot1:Ab-c/send", "https://api.telegram.org/bot***"),
    ],
)  # fmt: skip
def test_what_is_a_secret_by_its_look_is_masked_though_nobody_knows_it(
    text: str, shown: str
) -> None:
    mask, data = Mask(), text.encode()
    assert mask.text(text) == shown
    assert mask.hides(text) == (text != shown)
    before, after = shown.split("***")
    for borders in [*([at] for at in range(len(data))), [*range(len(data))]]:
        pieces = through(mask, data, borders)
        left = pieces.removeprefix(before).removesuffix(after)
        assert len(left.replace("***", "")) <= 4, pieces  # what stood there before it was one


@pytest.mark.parametrize(
    "text",
    [
        "curl https://u:$PASS@h/ https://u:${PASS}@h/ https://u:<password>@h/",
        "https://example.org:8080/a@b https://docs.example.org/hooks/intro",
        "password=$DB_PASSWORD host=db, or password: ask your host",
        "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----\n",
        "2026-11-30 deadbeef00 1234 5678 9abc def0 1234 5678",
    ],
)
def test_what_only_resembles_such_a_secret_stays(text: str) -> None:
    assert Mask(["unrelated-value"]).text(text) == text
    assert not Mask().hides(text)


def test_a_stream_that_never_ends_what_it_began_is_shown_after_a_while() -> None:
    stream = Mask(["secret-value"]).stream()
    assert stream.feed(b"its secr" + b" " * 100) == b"its "
    assert len(stream.feed(b" " * 70_000)) > 70_000
