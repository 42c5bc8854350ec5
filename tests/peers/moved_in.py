"""Projects of others moved in: each becomes one whose files a deploy takes, or a list of changes.

`python -m tests.peers.moved_in FOLDER...`: folders with a compose file, such as clones of
github.com/plausible/community-edition, github.com/umami-software/umami and
github.com/netbox-community/netbox-docker, or ones with many below them, such as
github.com/docker/awesome-compose. An env file of which only an example is there is made of it, in
a copy; the checkout stays as it is. What a deploy would still refuse in the new files, and whatever
is no sentence, counts against us.
"""

import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from slipway.errors import ConfigError
from slipway.scaffold.importing.conversion import Conversion, convert

NAMES = ("docker-compose.yml", "docker-compose.yaml", "compose.yaml", "compose.yml")
EXAMPLES = (".example", ".sample", ".dist", ".template")
LARGEST = 8 << 20  # of a file that is copied; none that is read is as large
DOMAIN = "app.example.com"


def projects(folder: Path) -> Iterator[Path]:
    """Yield the compose file of a folder, or of each below it that has one."""
    own = next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if own is not None:
        yield own
        return
    seen = set[Path]()
    for path in sorted(each for name in NAMES for each in folder.rglob(name)):
        if path.parent not in seen:
            seen.add(path.parent)
            yield path


def lent(file: Path, top: Path, scratch: Path) -> Path:
    """Copy a project with env files made of its examples; return its compose file there."""
    copy = scratch / "project"

    def skipped(folder: str, names: list[str]) -> set[str]:
        paths = (Path(folder, name) for name in names)
        large = {p.name for p in paths if p.is_file() and p.stat().st_size > LARGEST}
        return large | ({".git", "node_modules"} & set(names))

    shutil.copytree(top, copy, symlinks=True, ignore=skipped, ignore_dangling_symlinks=True)
    for suffix in EXAMPLES:
        for example in sorted(copy.rglob(f"*env*{suffix}")):
            target = example.with_name(example.name.removesuffix(suffix))
            if not target.exists():
                shutil.copy(example, target)
    return copy / file.relative_to(top)


def outcome(conversion: Conversion) -> str:
    """Say what a person has to do after that."""
    own = [each for each in conversion.problems if each.file.parts[:1] == ("compose",)]
    if own:
        return "REFUSED BY A DEPLOY"
    if any(each.is_fatal for each in conversion.problems):
        return "nothing of it becomes a project"
    return "changes to make by hand" if conversion.problems else "becomes a project as it is"


def report(file: Path, top: Path, roles: Counter[str]) -> str:
    """Move a project in and print what became of it; return its outcome."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            conversion = convert(lent(file, top, Path(scratch)), name="app", domain=DOMAIN)
        except ConfigError as error:
            _print(f"{file}: {error}")
            return "NO SENTENCE" if "\n" in str(error) else "not read, with the reason"
    roles.update(service.role for service in conversion.services)
    words = ", ".join(f"{service.name} {service.role}" for service in conversion.services)
    _print(f"{file}: {outcome(conversion)}: {words}")
    for problem in conversion.problems:
        _print(f"    {problem}")
    return outcome(conversion)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def main() -> int:
    """Print each project and the counts; 1 where one becomes what no deploy takes."""
    outcomes, roles = Counter[str](), Counter[str]()
    for top in map(Path, sys.argv[1:]):
        for file in projects(top):
            outcomes[report(file, top if top in file.parents else file.parent, roles)] += 1
    for name, count in (*outcomes.most_common(), *roles.most_common()):
        _print(f"{count:5} {name}")
    return 1 if any(name.isupper() for name in outcomes) or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main())
