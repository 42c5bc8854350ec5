"""The files of a thin project, made from answers and the kit's own files: the same each time."""

import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slipway import whole_file
from slipway.scaffold import answers as answers_file
from slipway.scaffold import kit
from slipway.scaffold.answers import Answers

FOLDER = Path(__file__).with_name("template")
SUFFIX = ".tmpl"  # of files in which {{name}} and the like are filled in
KIT_NAME = "logbook"  # the sample's, where the kit's own files name a project
# What a new version of Slipway may change: all else belongs to the team from the first day.
SHARED = (
    *("inv", "tasks.py", "requirements.lock", ".pre-commit-config.yaml"),
    *("compose/slipway.yml", "compose/static.yml", "runbooks/", "vendor/docs/"),
    *("compose/db/", "compose/edge/", "compose/ops/", "compose/static/"),
    *(".github/workflows/ci.yml", ".gitlab-ci.yml", answers_file.FILE),
)
RENAMED = {
    "gitignore": ".gitignore",
    "gitattributes": ".gitattributes",
    "pre-commit-config.yaml": ".pre-commit-config.yaml",
    "sops.yaml": ".sops.yaml",
}
CI = {
    "github": ("ci.github.yml", ".github/workflows/ci.yml"),
    "gitlab": ("ci.gitlab.yml", ".gitlab-ci.yml"),
}
STARTER = "compose/web/"  # the page of a project that begins with nothing
ABOUT_THE_KIT = {"move-in.md", "release-slipway.md"}  # runbooks for whoever has no project yet
TLS = {
    True: "TLS=auto\nDOMAIN={domain}",
    False: """\
# An example, which no deploy takes: write the address of the balancer that ends TLS in front of the
# machines. Without one: TLS=auto and DOMAIN in its place.
TRUSTED_PROXIES=192.0.2.10""",
}
LINK = re.compile(r"\[([^\]\n]+)\]\((?!\w+:)([^)#\s]*)(#[^)\s]*)?\)")


@dataclass(frozen=True)
class File:
    """One file of a project."""

    content: bytes
    is_program: bool = False


def render(answers: Answers, source: Path, wheel: Path, dev_key: str = "") -> dict[str, File]:
    """Make the files of a project, by path, from the kit's files in a folder.

    Its lock names the wheel. Without the public key of dev's secrets `.sops.yaml` is left out.
    """
    project = dict(_own(answers, dev_key)) | dict(_kit(answers, source))
    lock = (source / "requirements.lock").read_text(encoding="utf-8")
    project["requirements.lock"] = File((lock + kit.lock_line(wheel)).encode())
    project[answers_file.FILE] = File(answers_file.text(answers).encode())
    return {path: _linked(path, file, project) for path, file in sorted(project.items())}


def is_shared(path: str) -> bool:
    """Whether a file comes with each version of Slipway, and is merged when that changes it."""
    return path.startswith(tuple(each for each in SHARED if each.endswith("/"))) or path in SHARED


def _own(answers: Answers, dev_key: str) -> Iterator[tuple[str, File]]:
    values = _values(answers, dev_key)
    forge, target = CI.get(answers.forge, ("", ""))
    for path in sorted(FOLDER.rglob("*")):
        name = path.relative_to(FOLDER).as_posix().removesuffix(SUFFIX)
        if not path.is_file() or name == "compose/tests.part.yml":
            continue
        if name in {each for each, _ in CI.values()}:
            if name != forge:
                continue
            name = target
        if name == "sops.yaml" and not dev_key:
            continue
        content = path.read_bytes()
        if path.name.endswith(SUFFIX):
            content = _filled(content.decode(), values).encode()
        yield RENAMED.get(name, name), File(content)
    yield "compose/migrations/.gitkeep", File(b"")


def _values(answers: Answers, dev_key: str) -> Mapping[str, str]:
    return {
        "name": answers.name,
        "database": answers.database,
        "version": answers.version,
        "dev_key": dev_key,
        "tls": TLS[bool(answers.domain)].format(domain=answers.domain),
    }


def _filled(text: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{{" + name + "}}", value)
    return text


def _kit(answers: Answers, source: Path) -> Iterator[tuple[str, File]]:
    yield "inv", File((source / "inv").read_bytes(), is_program=True)
    services = (source / "compose" / "slipway.yml").read_text(encoding="utf-8")
    part = (FOLDER / "compose" / "tests.part.yml").read_text(encoding="utf-8")
    services = services.replace("  edge:\n    <<", f"{part}  edge:\n    <<", 1)
    yield "compose/slipway.yml", _renamed(services, answers)
    yield "compose/static.yml", File((source / "compose" / "static.yml").read_bytes())
    for folder in ("compose/db", "compose/edge", "compose/static"):
        for path in sorted((source / folder).iterdir()):
            yield f"{folder}/{path.name}", File(path.read_bytes())
    for name in ("Dockerfile", "pytest.ini", "requirements.txt"):
        yield f"tests/{name}", File((source / "compose" / "tests" / name).read_bytes())
    for name in ("README.md", "policy.yml"):
        text = (source / "backups" / name).read_text(encoding="utf-8")
        yield f"backups/{name}", _renamed(text, answers)
    for path in sorted((source / "runbooks").glob("*.md")):
        if path.name not in ABOUT_THE_KIT:
            yield f"runbooks/{path.name}", _renamed(path.read_text(encoding="utf-8"), answers)
    for name in ("operations.md", "locks.md", "security.md"):
        text = (source / "docs" / name).read_text(encoding="utf-8")
        yield f"vendor/docs/{name}", _renamed(text, answers)
    yield "vendor/docs/CHANGELOG.md", File((source / "CHANGELOG.md").read_bytes())


def _renamed(text: str, answers: Answers) -> File:
    """Put the project's name where the kit's files have the sample's."""
    return File(text.replace(KIT_NAME, answers.name).encode())


def _linked(path: str, file: File, project: Mapping[str, File]) -> File:
    """Have the links of a document lead to where things lie here; those to nowhere become text."""
    if not path.endswith(".md") or not path.startswith(("runbooks/", "vendor/", "backups/")):
        return file
    at_kit = path.removeprefix("vendor/")
    folders = {str(parent) for name in project for parent in PurePosixPath(name).parents}

    def lead(match: re.Match[str]) -> str:
        text, target, anchor = match[1], match[2], match[3] or ""
        if not target:
            return match[0]
        place = _resolved(PurePosixPath(at_kit).parent / target)
        here = f"vendor/{place}" if f"vendor/{place}" in project else place
        if place == "CHANGELOG.md":
            here = "vendor/docs/CHANGELOG.md"
        if here not in project and here.rstrip("/") not in folders:
            return text
        return f"[{text}]({_relative(here, path)}{anchor})"

    return File(LINK.sub(lead, file.content.decode()).encode(), file.is_program)


def _resolved(path: PurePosixPath) -> str:
    parts: list[str] = []
    for part in path.parts:
        if part == "..":
            del parts[-1:]
        else:
            parts.append(part)
    return "/".join(parts)


def _relative(target: str, path: str) -> str:
    up = [".."] * (len(PurePosixPath(path).parts) - 1)
    folder = f"{PurePosixPath(path).parent}/"
    if target.startswith(folder):
        return target.removeprefix(folder)
    return "/".join([*up, target])


def main(project: Path, folder: Path, wheel: Path) -> None:
    """Write into a folder what this version makes of a project's answers: its shared files."""
    answers = answers_file.read(project).at(kit.version_of(wheel))
    for path, file in render(answers, kit.files(), wheel).items():
        if is_shared(path):
            write(folder / path, file)


def write(target: Path, file: File) -> None:
    """Put a file where it belongs, with its mode."""
    target.parent.mkdir(parents=True, exist_ok=True)
    whole_file.write(target, file.content, mode=0o755 if file.is_program else 0o644)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
