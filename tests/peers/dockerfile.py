"""Our reading of Dockerfiles and names of images against BuildKit's and distribution's own cases.

`python -m tests.peers.dockerfile BUILDKIT REFERENCE`: clones of github.com/moby/buildkit and of
github.com/distribution/reference.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

from e2b_dockerfile_utils import ShellLex, parse_dockerfile_ast

from slipway.images.references import plain

VARIABLES = {"PWD": "/home", "SHELL": "bash", "KOREAN": "한국어", "NULL": ""}
NAMES = re.compile(r'(FamiliarName|FullName|AmbiguousName):\s+"([^"]+)"')
Case = tuple[str, object, object]  # what is read, what BuildKit makes of it, what we make of it


def words(folder: Path) -> Iterator[Case]:
    """Words with variables, as they stand in FROM and ARG."""
    for line in (folder / "shell" / "envVarTest").read_text(encoding="utf-8").splitlines():
        if line.strip() and line[0] in "AU":
            _, word, expected = (part.strip() for part in line.split("|"))
            lex = ShellLex("\\", env=VARIABLES, skip_unset_env=False)
            try:
                yield word, expected, lex.process_word(word)
            except ValueError:
                yield word, expected, "error"


def starts(folder: Path) -> Iterator[Case]:
    """What whole Dockerfiles start from, and how many instructions they have."""
    for path in sorted((folder / "parser" / "testfiles").glob("*/Dockerfile")):
        lines = path.with_name("result").read_text(encoding="utf-8").splitlines()
        named = [line.split('"')[1] for line in lines if line.startswith("(from ")]
        try:
            ast = parse_dockerfile_ast(path.read_text(encoding="utf-8"))
        except ValueError as error:
            yield path.parent.name, (len(lines), named), str(error)
            continue
        ours = [each.args[0] for each in ast.instructions if each.name == "FROM"]
        yield path.parent.name, (len(lines), named), (len(ast.instructions), ours)


def references(folder: Path) -> Iterator[Case]:
    """Names of one image, each of which means the familiar one."""
    familiar = ""
    for key, name in NAMES.findall((folder / "normalize_test.go").read_text(encoding="utf-8")):
        familiar = name if key == "FamiliarName" else familiar
        yield name, f"{familiar}:latest", plain(name)


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs."""
    buildkit, reference = Path(sys.argv[1], "frontend", "dockerfile"), Path(sys.argv[2])
    differ = 0
    for title, cases in (
        ("words", list(words(buildkit))),
        ("Dockerfiles", list(starts(buildkit))),
        ("names", list(references(reference))),
    ):
        wrong = [case for case in cases if case[1] != case[2]]
        for text, theirs, ours in wrong:
            sys.stdout.write(f"{text!r}: {ours!r}, theirs {theirs!r}\n")
        sys.stdout.write(f"{len(cases) - len(wrong)} of {len(cases)} {title} agree\n")
        differ += len(wrong)
    return 1 if differ else 0


if __name__ == "__main__":
    sys.exit(main())
