"""Say what may stand at the cursor of an `inv` command line; a shell runs this at every TAB.

It has to be quick, so it imports next to nothing: tasks and flags come from an index, which is
made anew (by tasks/completion_index.py) when a file that it was made from has changed. Names of
environments, services, machines and runbooks are read from their folders each time.
"""

import os
import sys

TYPE_CHECKING = False  # importing typing takes 3 ms
if TYPE_CHECKING:
    from collections.abc import Callable

INDEX = os.path.join(".slipway", "completion")  # noqa: PTH118  pathlib alone takes 10 ms
FILES = ":files"  # tells the shell to offer names of files
ORDER = ("dev", "testing", "staging", "prod")

Candidates = list[tuple[str, str]]  # each with its help, or ""


class Flag:
    """One flag, and where its values come from.

    Its kind is “switch”, “value”, “optional” (a value may follow =) or “again” (with a value, more
    than once).
    """

    def __init__(self, name: str, kind: str, source: str, help: str) -> None:
        self.name = name
        self.kind = kind
        self.source = source
        self.help = help
        self.takes_value = kind in ("value", "again")


class Task:
    """One task with its flags; the one without a name stands for Invoke itself."""

    def __init__(self, help: str) -> None:
        self.help = help
        self.flags: dict[str, Flag] = {}


def main(root: str, words: list[str]) -> None:
    """Print the candidates for the last of the words, each with its help behind a tab."""
    tasks = read_index(root)
    if tasks:
        for word, text in complete(root, tasks, words):
            sys.stdout.write(f"{word}\t{text}\n")


def complete(root: str, tasks: dict[str, Task], words: list[str]) -> Candidates:
    """Return what the last of the words may become; the words are those that follow `inv`."""
    own = task = tasks[""]
    flags: dict[str, str] = {}
    waiting: Flag | None = None
    for word in words[:-1]:
        name, equals, value = word.partition("=")
        flag = task.flags.get(name) or own.flags.get(name)
        if waiting:
            flags[waiting.name], waiting = word, None
        elif flag:
            flags[name] = value
            waiting = flag if flag.takes_value and not equals else None
        elif word and word in tasks:
            task, flags = tasks[word], {}
    current = words[-1] if words else ""
    if waiting:
        return _values(root, tasks, waiting, flags, "", current)
    name, equals, value = current.partition("=")
    flag = task.flags.get(name) or own.flags.get(name)
    if equals and flag:
        return _values(root, tasks, flag, flags, f"{name}=", value)
    if current.startswith("-") or (task is not own and not current):
        return _flags(task, flags, current)
    return [(name, task.help) for name, task in tasks.items() if name and name.startswith(current)]


def _flags(task: Task, flags: dict[str, str], start: str) -> Candidates:
    return [
        (f"{name}=" if flag.takes_value else name, flag.help)
        for name, flag in task.flags.items()
        if name.startswith(start) and (name not in flags or flag.kind == "again")
    ]


def _values(
    root: str, tasks: dict[str, Task], flag: Flag, flags: dict[str, str], before: str, start: str
) -> Candidates:
    kind, _, listed = flag.source.partition(":")
    if kind == "several":
        earlier, comma, start = start.rpartition(",")
        before += earlier + comma
        values = [value for value in listed.split(",") if value not in earlier.split(",")]
    elif kind == "one":
        values = listed.split(",")
    elif kind == "tasks":
        values = [name for name in tasks if name]
    elif kind in SOURCES:
        values = SOURCES[kind](root, flags.get("--env", ""))
    else:
        return [(FILES, "")]
    fitting = [(before + value, "") for value in values if value.startswith(start)]
    is_path = kind == "runbooks" and "/" in start and not fitting
    return [(FILES, "")] if is_path else fitting


def environments(root: str, env: str = "") -> list[str]:
    """Return the environments in the order of slipway.environments."""
    names = {name[:-4] for name in _names(root, "compose") if name.endswith(".env")} - {"common"}
    return [name for name in ORDER if name in names] + sorted(names - set(ORDER))


def services(root: str, env: str) -> list[str]:
    """Return the services of the compose files; with an environment those of its overlay too."""
    overlays = [env] if env else ["override", *environments(root)]
    files = ["compose.yml", "slipway.yml", *(f"compose.{name}.yml" for name in overlays)]
    keys = (_keys(os.path.join(root, "compose", file), "services") for file in files)  # noqa: PTH118
    return sorted({name for names in keys for name in names})


def machines(root: str, env: str) -> list[str]:
    """Return the machines of an environment, or of all."""
    machine_names: dict[str, None] = {}
    for name in [env] if env else environments(root):
        for file in (f"compose/{name}.machines.yml", f".slipway/{name}/machines.yml"):
            machine_names.update(dict.fromkeys(_keys(os.path.join(root, file), "")))  # noqa: PTH118
    return list(machine_names)


def runbooks(root: str, env: str = "") -> list[str]:
    """Return the runbooks of the collection: `deploy`, `alerts/disk`."""
    top, names = os.path.join(root, "runbooks"), []  # noqa: PTH118
    for folder, below, files in os.walk(top):
        below[:] = [name for name in below if not name.startswith(".")]
        prefix = os.path.relpath(folder, top).replace(os.sep, "/") + "/"
        shown = [name for name in files if name.endswith(".md") and not name.startswith(".")]
        names += [prefix.removeprefix("./") + name[:-3] for name in shown]
    return sorted(name for name in names if name.rpartition("/")[2] not in INDEXES)


def runs(root: str, env: str = "") -> list[str]:
    """Return the runs of runbooks that this computer remembers, the newest first."""
    return sorted(_names(root, ".slipway/runs"), reverse=True)


def secrets(root: str, env: str = "") -> list[str]:
    """Return the secrets that the project's rules name, and those in the environment's file."""
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    files = (f"{root}/compose/settings.yml", f"{ours}/environments/settings.yml")
    lines = [line for file in files for line in _lines(file) if "secret: true" in line]
    names = {line.partition(":")[0] for line in lines if line[:1].isalpha()}
    in_file = _keys(os.path.join(root, "secrets", f"{env}.sops.yaml"), "") if env else []  # noqa: PTH118
    return sorted(names | {*in_file} - {"sops"})


def members(root: str, env: str = "") -> list[str]:
    """Return who is in the team."""
    return _keys(os.path.join(root, "team.yml"), "members")  # noqa: PTH118


def settings(root: str, env: str = "") -> list[str]:
    """Return the settings that the project's rules name."""
    path = os.path.join(root, "compose", "settings.yml")  # noqa: PTH118
    ours = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120
    kit = os.path.join(ours, "environments", "settings.yml")  # noqa: PTH118
    return sorted({*_keys(path, ""), *_keys(kit, "")} - {*secrets(root)})


INDEXES = ("README", "index", "_index")
SOURCES: "dict[str, Callable[[str, str], list[str]]]" = {
    "environments": environments,
    "services": services,
    "machines": machines,
    "members": members,
    "runbooks": runbooks,
    "runs": runs,
    "secrets": secrets,
    "settings": settings,
}


def _names(root: str, folder: str) -> list[str]:
    try:
        entries = os.listdir(os.path.join(root, folder))  # noqa: PTH118, PTH208
    except OSError:
        return []
    return [name for name in entries if not name.startswith(".")]


def _keys(path: str, under: str) -> list[str]:
    """Return the keys of a YAML mapping in block style: at the top, or one level under a key.

    Reading YAML properly takes 20 ms, and what is missed here can be typed.
    """
    keys: list[str] = []
    inside, indent = not under, "" if not under else None
    for line in _lines(path):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        start = line[: len(line) - len(line.lstrip())]
        key = text.partition(":")[0].strip("\"'") if ":" in text else ""
        if under and not start:
            inside, indent = key == under, None
        elif inside:
            indent = start if indent is None else indent
            if start == indent and key:
                keys.append(key)
    return keys


def read_index(root: str) -> dict[str, Task]:
    """Return the tasks of the index, which is made anew where it is missing or old."""
    path = os.path.join(root, INDEX)  # noqa: PTH118
    lines = _lines(path)
    if not is_fresh(root, lines):
        import subprocess

        from slipway import child_environment

        beside = os.path.exists(os.path.join(root, "slipway"))  # noqa: PTH110, PTH118
        package = "tasks" if beside else "slipway_tasks"
        argv = [sys.executable, "-m", f"{package}.completion_index"]
        quiet = subprocess.DEVNULL
        child_env = child_environment.made(argv[0])
        subprocess.run(
            argv, env=child_env, cwd=root, stdin=quiet, stdout=quiet, stderr=quiet, check=False
        )
        lines = _lines(path)
    return parse(lines)


def is_fresh(root: str, lines: list[str]) -> bool:
    """Say whether no file has changed that an index was made from."""
    sources = [line.split("\t") for line in lines if line.startswith("S\t")]
    return bool(sources) and all(
        stamp == stamp_of(os.path.join(root, file))  # noqa: PTH118
        for _, file, stamp in sources
    )


def stamp_of(path: str) -> str:
    """Return what changes when a file does, or what is in a folder."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return "missing"
    return f"{status.st_mtime_ns}.{status.st_size}"


def parse(lines: list[str]) -> dict[str, Task]:
    """Read an index: S is a file it was made from, T a task, F a flag of the task above."""
    tasks: dict[str, Task] = {}
    task = Task("")
    for line in lines:
        match line.split("\t"):
            case ["T", name, help]:
                task = tasks[name] = Task(help)
            case ["F", name, kind, source, help]:
                task.flags[name] = Flag(name, kind, source, help)
    return tasks


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().splitlines()
    except OSError:
        return []


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
