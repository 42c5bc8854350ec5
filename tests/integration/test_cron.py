"""The plain crontab line of a machine from which people work: a real cron, no terminal, no HOME."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from slipway.project import ROOT
from tests import base_images
from tests.integration import postgres_stack
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image
from tests.integration.postgres_stack import PostgresStack

pytestmark = pytest.mark.engine

IMAGE = f"{IMAGES}/opsmachine"
# As docs/operations.md has it, every minute; what cron would send by mail is kept instead.
LINE = "* * * * * root unset HOME; cd /srv/checkout && ./inv db.backup --env=test"
KEPT = ">/tmp/said 2>/tmp/told; echo $? >/tmp/code.draft; mv /tmp/code.draft /tmp/code"


@dataclass(frozen=True)
class Ended:
    """What one run by cron came to."""

    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Machine:
    """A machine with cron, beside the environment `test` on the same engine."""

    place: PostgresStack
    ops: str
    container: str

    def run(self, *words: str) -> str:
        return self.place.corner.docker("exec", self.container, *words)

    def next_run(self) -> Ended:
        """Wait for cron's next minute, and for the end of what it starts."""
        self.run("rm", "-f", "/tmp/code")
        self.run("timeout", "600", "sh", "-c", "until [ -s /tmp/code ]; do sleep 1; done")
        code, out, err = (self.run("cat", f"/tmp/{name}") for name in ("code", "said", "told"))
        return Ended(int(code), out, err)

    def manifests(self) -> list[str]:
        found = self.run("find", "backups/test", "-name", "*-????.json")
        return found.split()


@pytest.fixture(scope="module")
def machine(
    module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Machine]:
    corner, folder = module_corner, tmp_path_factory.mktemp("machine")
    build()
    place = postgres_stack.start(corner, folder)
    place.sql("create table people (id int primary key)")
    place.sql("insert into people select generate_series(1, 1000)")
    # An ops container is known by its labels, as those of a deploy are.
    label = ("--label", "slipway.service=ops")
    password = place.server.password_file
    ops = postgres_stack.start_ops(corner, place.network, place.server.database, password, *label)
    crontab = folder / "crontab"
    crontab.write_text(f"{LINE} {KEPT}\n")
    (folder / "test.env").write_text(
        f"PROJECT={corner.app.removesuffix('-test')}\nRUNS_ON=this-computer\n"
    )
    mounts = {
        "/var/run/docker.sock": "/var/run/docker.sock",
        str(folder / "test.env"): "/srv/checkout/compose/test.env:ro",
        str(ROOT / "secrets/testing.sops.yaml"): "/srv/checkout/secrets/test.sops.yaml:ro",
        str(crontab): "/root/crontab:ro",
    }
    options = [word for pair in mounts.items() for word in ("--volume", ":".join(pair))]
    container = corner.run(IMAGE, options=("--init", *options))
    made = Machine(place, ops, container)
    made.run(
        "cp", "/root/crontab", "/etc/cron.d/slipway"
    )  # a file that belongs to root, as it must
    yield made


def build() -> None:
    """Build the machine from what git has, or would take."""
    base_image("debian:trixie-slim")
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    context = io.BytesIO()
    with tarfile.open(fileobj=context, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name in names.split("\0"):
            if name and (ROOT / name).is_file():
                archive.add(ROOT / name, name)
    dockerfile = str(Path("tests/fakes/opsmachine/Dockerfile"))
    base_images.build(IMAGE, "-", "--file", dockerfile, context=context.getvalue())


def test_cron_backs_up_with_one_line_and_exit_code_0(machine: Machine) -> None:
    done = machine.next_run()
    assert (done.code, done.err) == (0, "")
    (line,) = done.out.splitlines()
    assert line.startswith("backup 20")
    assert " of logbook is in backups/test (" in line
    assert len(machine.manifests()) >= 1


def test_a_failure_by_cron_is_one_sentence_and_its_exit_code(machine: Machine) -> None:
    docker = machine.place.corner.docker
    machine.next_run()  # none is on its way in the moment in which ops goes
    docker("stop", "--time", "1", machine.ops)
    before = machine.manifests()
    done = machine.next_run()
    assert (done.code, done.out) == (3, "")
    (line,) = done.err.splitlines()
    assert line.startswith("error: test is not deployed, so it has no ops container")
    assert machine.manifests() == before
