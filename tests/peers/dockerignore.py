"""Our .dockerignore against moby/patternmatcher's own cases.

`python -m tests.peers.dockerignore CHECKOUT`: a clone of github.com/moby/patternmatcher. Patterns
that moby refuses end a build by themselves, so only what it accepts is compared.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from slipway.images import dockerignore

STRING = r'"(?:[^"\\]|\\.)*"'
CASE = re.compile(
    rf"^\s*\{{(?:\[\]string\{{(?P<many>{STRING}(?:, {STRING})*)\}}|(?P<one>{STRING})),"
    rf" (?P<path>{STRING}), (?P<hidden>true|false)(?P<refused>, filepath\.\w+)?",
    re.MULTILINE,
)


def cases(text: str) -> Iterator[tuple[list[str], str, bool]]:
    """Read patterns, a path and whether they hide it from the tables of a Go test."""
    for case in CASE.finditer(text):
        if not case["refused"]:
            patterns = re.findall(STRING, case["many"] or case["one"])
            path = json.loads(case["path"])
            yield [json.loads(each) for each in patterns], path, case["hidden"] == "true"


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs."""
    text = Path(sys.argv[1], "patternmatcher_test.go").read_text(encoding="utf-8")
    total = differ = 0
    for patterns, path, hidden in cases(text):
        total += 1
        # moby's table has paths with a slash at their end, which no file of a build has.
        ours = dockerignore.read("\n".join(patterns)).matches(path.rstrip("/") or "any")
        if ours != hidden:
            differ += 1
            sys.stdout.write(f"{patterns} {path!r}: hidden {ours}, moby says {hidden}\n")
    sys.stdout.write(f"{total - differ} of {total} cases agree\n")
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
