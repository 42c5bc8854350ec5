"""Whether a deploy would take the files of the new project: its own rules read them."""

import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from slipway.edge import routes_file
from slipway.environments import environment, hacking
from slipway.errors import ConfigError
from slipway.releases import application, routing
from slipway.scaffold import kit
from slipway.scaffold.importing.findings import Problem

ENVIRONMENT = "dev"
SETTINGS = "RUNS_ON=this-computer\n"
LINE = re.compile(r"^(?:(?P<file>compose/[^\s:]+)(?::(?P<line>\d+))?: )?(?P<text>.*)$")


def problems(files: Mapping[str, str], folders: Iterable[str] = ()) -> Iterator[Problem]:
    """Yield what a deploy or the hacking loop would refuse, with the line of the new file."""
    with tempfile.TemporaryDirectory(prefix="slipway-import-") as scratch:
        compose = Path(scratch, "compose")
        names = ("compose/slipway.yml", "compose/static.yml")
        added = {name: (kit.files() / name).read_text(encoding="utf-8") for name in names}
        added[f"compose/{ENVIRONMENT}.env"] = SETTINGS
        added |= {f"{name}/index.html": "" for name in folders}  # folders are not copied yet
        for path, text in {**added, **files}.items():
            (Path(scratch) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / path).write_text(text, encoding="utf-8")
        for read in (_deploy, hacking.model):
            try:
                read(compose)
            except ConfigError as error:
                for line in str(error).replace(f"{compose}/", "compose/").splitlines():
                    yield _problem(line)


def _deploy(compose: Path) -> None:
    env = environment.load(ENVIRONMENT, compose, compose.with_name("secrets"))
    app = application.read(env)
    if (compose / routes_file.FILE).is_file():
        routing.read(env, routing.backends(app), routing.labelled(app.of("colour")), None)


def _problem(line: str) -> Problem:
    match = LINE.match(line)
    assert match is not None  # noqa: S101  whatever it is
    file = Path(match["file"] or "compose/compose.yml")
    return Problem(file, int(match["line"] or 0), match["text"])
