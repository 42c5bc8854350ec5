"""Our env files against the cases and fixtures of compose-go, which reads them for Compose.

`python -m tests.peers.dotenv CHECKOUT`: a clone of github.com/compose-spec/compose-go. What we
refuse because readers differ over it is declared by its reason; what both take has to be equal.
"""

import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from slipway.environments import envfile
from slipway.errors import ConfigError
from tests.peers.comparison import Comparison
from tests.peers.go_text import STRING, value

Values = Mapping[str, str] | str  # or why there are none
REFUSED = "refused"
LINE = re.compile(rf"parseAndCompare\(t, ({STRING}), ({STRING}), ({STRING})\)")
ROW = re.compile(
    rf"^\t\t\t{STRING},\n\t\t\t({STRING}),\n\t\t\tmap\[string\]string(\{{.*\}}),", re.MULTILINE
)
FUNCTION = re.compile(r"^func Test.*?^\}", re.MULTILINE | re.DOTALL)
FIXTURE = re.compile(r'(?:envFileName := |Values\(t, Load, )"(fixtures/[^"]+)"')
INLINE = re.compile(rf"(?:\[\]byte\(|\tinput := |\.parse\()({STRING})")
NAMED = re.compile(rf"^var testInput = ({STRING})", re.MULTILINE)
TABLE = re.compile(r"map\[string\]string\{(.*?)\n?\t*\}", re.DOTALL)
ENTRY = re.compile(rf"({STRING}): +({STRING}|envVal)")
BROKEN = re.compile(rf"(?:badlyFormattedLine := |^\t\t)({STRING})(?:,?)$", re.MULTILINE)
DECLARED = {  # a part of the reason for which we refuse what Compose takes
    "Compose would fill in what follows the $": "a $ outside single quotes is refused here",
    "Compose reads a backslash in quotes": "some backslashes in quotes are refused here",
    r"Compose takes \0 in double quotes": r"\0 in double quotes is refused here",
    "a comment needs a line of its own": "a comment after a tab or for a value is refused here",
    "expected KEY=value": "KEY: value, KEY alone and =value are refused here",
}


def cases(text: str, folder: Path) -> Iterator[tuple[str, Values]]:
    """Yield each text with what Compose reads of it, where nothing else is set."""
    for line, key, expected in LINE.findall(text):
        yield value(line), {value(key): value(expected)}
    for line, table in ROW.findall(text):
        yield value(line), _entries(table)
    for function in FUNCTION.findall(text):
        if any(word in function for word in ("Setenv", "presets", "WriteFile", "MemStats")):
            continue
        tables = TABLE.findall(function)
        if (fixture := FIXTURE.search(function)) and "func(r io.Reader" not in function:
            path = folder / fixture[1]
            expected = _entries(tables[0]) if tables else REFUSED
            yield path.read_bytes().decode(), expected
        elif inline := INLINE.search(function):
            refused = "assert.Error(" in function
            yield value(inline[1]), REFUSED if refused else _entries(tables[0])
        if "Unterminated" in function or "badlyFormattedLine" in function:
            yield from ((value(broken), REFUSED) for broken in BROKEN.findall(function))


def read(text: str) -> tuple[Values, str]:
    """Read a text as we do: its values and no reason, or that we refuse it and why."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "peer.env")
        path.write_bytes(text.encode())
        try:
            return envfile.read(path), ""
        except ConfigError as error:
            return REFUSED, str(error)


def _entries(table: str) -> Mapping[str, str]:
    return {value(key): value(written) for key, written in ENTRY.findall(table)}


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    folder = Path(sys.argv[1], "dotenv")
    names = ("godotenv_test.go", "parser_test.go")
    text = "".join((folder / name).read_text(encoding="utf-8") for name in names)
    if named := NAMED.search(text):
        text = text.replace("parse(testInput", f"parse({named[1]}")
    comparison = Comparison()
    for written, theirs in cases(text, folder):
        ours, why = read(written)
        declared = ""
        if not isinstance(ours, str) and not isinstance(theirs, str):
            ours = {key: ours[key] for key in theirs if key in ours}
        elif theirs != REFUSED:
            declared = next((DECLARED[part] for part in DECLARED if part in why), "")
        comparison.add(f"{written!r} {why}", ours, theirs, declared)
    return comparison.finish()


if __name__ == "__main__":
    sys.exit(main())
