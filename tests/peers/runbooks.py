"""Our checker against collections of runbooks that nobody here wrote.

`python -m tests.peers.runbooks CHECKOUT...`: clones of github.com/openshift/runbooks,
github.com/prometheus-operator/runbooks or any other folder of Markdown. What is complained about
is counted; then mistakes are put into fences, one in each copy of a file, and counted when found.
Whether shell is broken is what `bash -n` says of it, prompts and <names> taken away by plain means.
"""

import collections
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from slipway.notebook.checking import check
from slipway.notebook.problem import Problem
from slipway.notebook.reading import collection
from tasks.cli import namespace
from tasks.command_index import CommandIndex

COMMANDS = CommandIndex(namespace)
MOST_WARNINGS = 1 / 5  # of a file
FENCE = re.compile(
    r"^([ \t]*)(`{3,}|~{3,})[ \t]*([^`\n]*)\n(.*?)^[ \t]*\2[ \t]*$", re.MULTILINE | re.DOTALL
)
SHELL = ("sh", "bash", "shell")
PROMPT = re.compile(r"^\s*(?:(?:\[\S+@[^\]]*\]|sh-[\d.]+)[$#]|\$) +")
KINDS = {  # of complaints, by a part of their sentence
    "prompt": "the prompt before",
    "shell": "bash cannot read",
    "fence": "never closed|continues here",
    "link": "is not defined|there is no file|has no heading",
}
MISTAKES: dict[str, Callable[[str], str]] = {
    "a double quote": lambda line: f'{line} "',
    "a single quote": lambda line: f"{line} '",
    "a parenthesis": lambda line: f"{line} (",
    "an end of a subshell": lambda line: f"{line} )",
    "an open substitution": lambda line: f"{line} $(date",
    "an open expansion": lambda line: f"{line} ${{X",
    "two pipes": lambda line: f"{line} | | sort",
    "if without fi": lambda line: f"if true; then {line}",
    "for without done": lambda line: f"for x in a b; do {line}",
    "done without for": lambda line: f"{line}; done",
    "two semicolons": lambda line: f"{line} ;;",
    "a redirection to nowhere": lambda line: f"{line} >",
}


@dataclass(frozen=True)
class Seed:
    """A file with a mistake in it, and the lines where an error may stand that reports it."""

    text: str
    kind: str
    first: int
    last: int


def main() -> int:
    """Print the counts of each collection; 1 where a mistake is missed or too much is said."""
    code = 0
    for folder in map(Path, sys.argv[1:]):
        code |= _report(folder)
    return code


def _report(folder: Path) -> int:
    chosen = collection.read(folder)
    paths = [*chosen.runbooks(), *chosen.indexes()]
    problems = check.check_others(paths, COMMANDS, folder)
    errors = [each for each in problems if each.severity == "error"]
    warnings = len(problems) - len(errors)
    _say(f"{folder}: {len(paths)} files, {len(errors)} errors, {warnings} warnings")
    for (severity, kind), count in collections.Counter(map(_kind, problems)).most_common():
        _say(f"  {count:5} {severity}: {kind}")
    missed = 0
    for kind, seeds in _seeds(paths):
        found = sum(_found(seeds))
        missed += len(seeds) - found
        _say(f"  {found:5} of {len(seeds)} found: {kind}")
    return 1 if missed or warnings > MOST_WARNINGS * len(paths) else 0


def _seeds(paths: Sequence[Path]) -> Iterator[tuple[str, list[Seed]]]:
    """Yield each kind of mistake with a seed for every fence where it is one."""
    texts = [path.read_text(encoding="utf-8", errors="replace") for path in paths]
    for kind, spoil in MISTAKES.items():
        yield kind, [seed for text in texts for seed in _in_cells(text, kind, spoil)]
    yield "a fence that nothing closes", [seed for text in texts for seed in _unclosed(text)]


def _in_cells(text: str, kind: str, spoil: Callable[[str], str]) -> Iterator[Seed]:
    for fence in FENCE.finditer(text):
        source = fence[4]
        if fence[3].strip() not in SHELL or not _is_shell(_plain(source)):
            continue
        lines = source.split("\n")
        prompted = [n for n, line in enumerate(lines) if PROMPT.match(line)]
        commands = [n for n, line in enumerate(lines) if line.strip() and line.lstrip()[0] != "#"]
        candidates = [n for n in prompted or commands if not lines[n].endswith("\\")]
        if not candidates:
            continue
        number = candidates[len(source) % len(candidates)]  # any of them, the same each time
        prompt = match[0] if (match := PROMPT.match(lines[number])) else ""
        lines[number] = prompt + spoil(lines[number].removeprefix(prompt))
        spoilt = "\n".join(lines)
        if not _is_shell(_plain(spoilt)):
            first = text.count("\n", 0, fence.start()) + 1
            yield Seed(
                text[: fence.start(4)] + spoilt + text[fence.end(4) :],
                kind,
                first,
                first + len(lines),
            )


def _unclosed(text: str) -> Iterator[Seed]:
    for fence in FENCE.finditer(text):
        end = text.rfind("\n", 0, fence.end())
        spoilt = text[: end + 1] + text[fence.end() + 1 :]
        yield Seed(spoilt, "fence", text.count("\n", 0, fence.start()) + 1, spoilt.count("\n") + 2)


def _found(seeds: Sequence[Seed]) -> Iterator[bool]:
    """Check a file for each seed, all in one go."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder, f"{number:05}.md") for number in range(len(seeds))]
        for path, seed in zip(paths, seeds, strict=True):
            path.write_text(seed.text, encoding="utf-8")
        errors = collections.defaultdict(list)
        for each in check.check_others(paths, COMMANDS, Path(folder)):
            if each.severity == "error" and _kind(each)[1] in ("shell", "fence"):
                errors[Path(each.file).name].append(each.line)
        for path, seed in zip(paths, seeds, strict=True):
            yield any(seed.first <= line <= seed.last for line in errors[path.name])


def _plain(source: str) -> str:
    """Return a fence without prompts, the output between them, and names to fill in."""
    text = re.sub(r"<[A-Za-z][^<>\n$&;]*>", "x", source)
    lines = text.split("\n")
    if not any(PROMPT.match(line) for line in lines):
        return text
    kept, goes_on = [], False
    for line in lines:
        if PROMPT.match(line) or goes_on:
            kept.append(PROMPT.sub("", line, count=1))
            goes_on = line.endswith("\\")
    return "\n".join(kept)


def _is_shell(source: str) -> bool:
    argv = ["bash", "-n"]
    result = subprocess.run(argv, input=source.encode(), capture_output=True, check=False)
    return result.returncode == 0


def _kind(problem: Problem) -> tuple[str, str]:
    kinds: Iterable[str] = (kind for kind, part in KINDS.items() if re.search(part, problem.text))
    return problem.severity, next(iter(kinds), problem.text)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
