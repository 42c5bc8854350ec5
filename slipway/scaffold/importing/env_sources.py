"""Files of the old project that variables and secrets come from: read, and named for deletion."""

import io
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from slipway.scaffold.importing import old_database, places, variables
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.old_project import EXAMPLES, OldProject, services

LARGEST = 64 << 10


def shared(project: OldProject) -> dict[str, str]:
    """Return what the env file says that most services have which have one."""
    uses = Counter(_env_files(project))
    most = uses.most_common(1)
    return values(most[0][0]) if most and (most[0][1] > 1 or len(uses) == 1) else {}


def values(path: Path) -> dict[str, str]:
    """Read an env file as far as it can be read; Compose has read it already."""
    from dotenv import dotenv_values

    try:
        text = path.read_bytes()[: places.LARGEST].decode()
    except (OSError, UnicodeDecodeError):
        return {}
    parsed = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {key: value for key, value in parsed.items() if value is not None}


def examples_alone(project: OldProject) -> Iterator[Path]:
    """Yield examples of an env file that Compose reads, where that itself is not there."""
    file = project.folder / ".env"
    if not file.exists():
        forms = (file.with_name(form.format(file.name)) for form in EXAMPLES)
        yield from (path for path in forms if path.is_file())


def secret_files(parts: Assembly) -> dict[str, str]:
    """Map the secrets at the top of the old file to their names here."""
    project, names = parts.draft.project, dict[str, str]()
    own, shared_ones = _database_secret(parts), set(_of_stores(parts))
    for name, about in (project.released.get("secrets") or {}).items():
        path = Path(str((about or {}).get("file") or ""))
        variable = str((about or {}).get("environment") or "")
        if name == own:
            names[name] = old_database.PASSWORD_NAME
        elif variable and (value := values(project.folder / ".env").get(variable)):
            names[name] = parts.secrets.add_file(name, value, is_shared=name in shared_ones)
        elif path.is_file() and path.stat().st_size <= LARGEST and _text(path):
            value = _text(path).rstrip("\n")
            names[name] = parts.secrets.add_file(name, value, is_shared=name in shared_ones)
        else:
            text = f"{name}: the old project does not hold its value; write it: inv secrets.set"
            parts.draft.refuse(text, "secrets", name)
            names[name] = parts.secrets.add_file(name, "")
    return names


def leftovers(parts: Assembly) -> Iterator[Path]:
    """Yield the files with secrets in them, which are not needed any more."""
    project = parts.draft.project
    for path in dict.fromkeys([project.folder / ".env", *_env_files(project)]):
        if any(variables.is_secret(key, value) for key, value in values(path).items()):
            yield path
    for about in (project.released.get("secrets") or {}).values():
        path = Path(str((about or {}).get("file") or ""))
        if path.is_file():
            yield path


def _env_files(project: OldProject) -> Iterator[Path]:
    for file in project.files:
        for _, name in places.env_files(file):
            path = file.parent / name
            if "$" not in name and path.is_file():
                yield path


def _database_secret(parts: Assembly) -> str:
    """Return the name of the file with the password of the database that Slipway takes over."""
    for service in parts.old:
        if service.home == "kit" and service.role == "data":
            environment: Mapping[str, object] = service.spec.get("environment") or {}
            path = str(environment.get("POSTGRES_PASSWORD_FILE") or "")
            entries = (services(parts.draft.project.released).get(service.name) or {}).get(
                "secrets"
            )
            for entry in entries or []:
                target = str(entry.get("target") or entry["source"])
                if path and path.rpartition("/")[2] == target.rpartition("/")[2]:
                    return str(entry["source"])
    return ""


def _of_stores(parts: Assembly) -> Iterator[str]:
    """Yield the secrets that a store of the project has: they open nothing outside of it."""
    for service in parts.old:
        if service.role == "accessory":
            yield from (str(entry["source"]) for entry in service.spec.get("secrets") or [])


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return ""
