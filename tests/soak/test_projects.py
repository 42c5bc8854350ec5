"""Projects of others moved in and deployed to dev, some after what MOVE-IN.md has them change.

Each has the shape of a public one, told anew and small; what runs in it is our own, or the server
itself from Debian's packages (see shapes.py).

| as | shape | to change |
|---|---|---|
| umami | an image that migrates when it starts, one address of the database | nothing |
| plausible | a command that migrates and serves, ClickHouse with mounted settings | nothing |
| netbox | three services of one image on one volume, two caches with passwords, no port | nothing |
| n8n | stateful, a worker, a runner that calls it, a script that makes a role | nothing: db does |
| plane | folders that are built, a Caddyfile, a migrator, RabbitMQ, MinIO | nothing |
| fastapi | labels for Traefik, Alembic, tools for development | nothing |
| rails | profiles in .env, Active Record, Sidekiq, a host in the code | a variable, in 3 places |
| wordpress | no PostgreSQL, a database called db, files that no volume names | nothing |
| nginx-golang-postgres | the password in a file, role and host in code | code, 3 variables |
| react-express-mysql | code mounted over what is built, MariaDB | nothing |
| mastodon | folders of the server, two ports, a command that migrates | a route: inv new asks |
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.e2e import checkout, leftovers
from tests.e2e.checkout import Checkout
from tests.e2e.typist import Typist
from tests.soak import moving
from tests.soak.moving import Moved
from tests.soak.rows import Rows
from tests.soak.shapes import PROJECTS
from tests.unit.scaffold.importing.test_projects import compose_file
from tests.waiting import MINUTES, wait_until

pytestmark = pytest.mark.engine
SHAPES = Path(__file__).parents[1] / "unit/scaffold/importing/projects"


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A clone of Slipway, from which projects are made beside it."""
    folder, name = tmp_path_factory.mktemp("moving"), leftovers.new_name()
    with leftovers.swept(name):
        kit = checkout.clone(folder, name)
        kit.root = kit.root.rename(folder / "slipway")
        kit.borrow_packages()
        (kit.home / ".cache").mkdir()
        (kit.home / ".cache/pip").symlink_to(Path("~/.cache/pip").expanduser())
        yield kit


def moved_in(kit: Checkout, shape: str, name: str, words: str) -> Checkout:
    """Take a project over, as the guide says."""
    folder = kit.root.parent
    old = shutil.copytree(SHAPES / shape, folder / f"old-{shape}")
    if (own := moving.HERE / "projects" / shape).is_dir():
        shutil.copytree(own, old, dirs_exist_ok=True)
    project = Checkout(folder / name, kit.home, name)
    typist = Typist(kit.root, kit.environment(), {})
    line = f"./inv new --yes --from=../{old.name}/{compose_file(old).name} --to=../{name}"
    typist.type(f"{line} --domain=shop.example.com {words}", "new")
    borrow(project, folder / "first")
    compose = project.path("compose/compose.yml")  # an engine in a container raises no limits
    compose.write_text(compose.read_text().replace("262144", "1024"))
    (port,) = checkout.free_ports(1)
    project.set("dev", HTTP_PORT=str(port))
    project.set("common", HEALTH_TIMEOUT="600", SETTLE_TIME="1")
    project.commit("Settle on this computer")
    return project


def borrow(project: Checkout, first: Path) -> None:
    """Give a project a copy of the packages of the first: their locks are the same."""
    if not first.exists():
        first.symlink_to(project.root)
        return
    shutil.copytree(first / ".venv", project.path(".venv"), symlinks=True)
    lock = project.path("requirements.lock").read_bytes()
    stamp = subprocess.run(["cksum"], input=lock, capture_output=True, check=True).stdout
    project.path(".venv/stamp").write_text(f"{stamp.decode().strip()} {project.root.resolve()}\n")


def to_do(project: Checkout) -> list[str]:
    text = project.path("MOVE-IN.md").read_text()
    return re.findall(r"^- \[ \] (.*)$", text, re.MULTILINE)


@pytest.mark.parametrize("shape", sorted(PROJECTS))
def test_a_project_of_others_serves_in_dev(kit: Checkout, shape: str, rows: Rows) -> None:
    moved, name = PROJECTS[shape], leftovers.new_name()
    with moving.lent(moved), leftovers.swept(name), rows.measure("moved in", shape) as row:
        project = moved_in(kit, shape, name, moved.words)
        changes = [line for line in to_do(project) if "holds secrets; delete" not in line]
        if moved.follow is not None:
            moved.follow(project)
            project.commit("Do what MOVE-IN.md says")
        assert bool(changes) == (moved.follow is not None), changes
        typist = Typist(project.root, project.environment(), {})
        typist.type("./inv deploy --env=dev", shape)
        if moved.later:
            typist.type(moved.later, shape)
        expect(project, moved)
        typist.type("./inv status --env=dev --check", shape)
        typist.type("./inv destroy --env=dev --yes=dev", shape)
        assert leftovers.remaining(f"{name}-dev") == []
        row.result = f"{len(changes)} changes by hand"


def expect(project: Checkout, moved: Moved) -> None:
    """Ask for each path until it answers: what is beside a web server may still begin."""
    url = f"http://127.0.0.1:{project.setting('dev', 'HTTP_PORT')}"
    for path, part in moved.answers.items():
        answer = partial(answered, f"{url}{path}")
        wait_until(f"{path} answers", partial(is_in, part, answer), answer, timeout=MINUTES)


def answered(url: str) -> str:
    answer = httpx.get(url, timeout=30)
    return f"{answer.status_code} {answer.text}"


def is_in(part: str, answer: Callable[[], str]) -> bool:
    return part in answer()
