"""Requests to an agent in a container, here and over SSH: streams, and what a lost end leaves."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import pytest

from slipway.agent.channel import ALIVE_EVERY
from slipway.agent.messages.migrations import MigrationStatusRequest
from slipway.agent.messages.request import Reply, Request
from slipway.client import call
from slipway.client.container import Container
from slipway.client.grant import Grant
from slipway.errors import HostError, SlipwayError, UsageError
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.storage.folder import FolderStore
from slipway.storage.store import StoreError
from tests.fakes.client_process import everything, place
from tests.fakes.rehearsal import (
    FailRequest,
    FetchRequest,
    ListWhileFetchingRequest,
    Printed,
    PrintRequest,
    PutRequest,
)
from tests.fakes.reporter import RecordingReporter
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.postgres_stack import start_ops
from tests.integration.sshd import SshServer, running
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
R = TypeVar("R", bound=Reply)
MIB = 1 << 20
LARGE_KEY = "large.dump.age"
LARGE = 300  # MiB; far more than may lie in memory anywhere
SOCKET = Path("/var/run/docker.sock")


class Stage:
    """An ops container in which the verbs of tests/fakes/rehearsal.py can be asked for."""

    def __init__(self, corner: DockerSandbox, folder: Path) -> None:
        base_image("postgres:17")
        password = folder / "DATABASE_PASSWORD"
        password.write_text("secret\n")
        verbs = f"{ROOT / 'tests/fakes/rehearsal.py'}:/srv/rehearsal.py:ro"
        network = f"{corner.app}-data"
        corner.docker("network", "create", "--label", corner.label, network)
        self.corner = corner
        self.ops = start_ops(corner, network, "logbook", password, "--volume", verbs)

    def call(self, request: Request[R], folder: Path, silence: float = 0.0) -> R:
        where = place(LocalHost("here"), self.ops, silence)
        store = FolderStore(folder, "backups/testing")
        return call.call(where, request, RecordingReporter(), everything(store))

    def inside(self, *argv: str) -> str:
        return self.corner.docker("exec", self.ops, *argv, check=False)

    def holds(self) -> bool:
        """Whether a child of a verb runs there."""
        return bool(self.inside("pgrep", "-f", "^sleep 4711"))

    def door(self) -> list[str]:
        """The processes there that do an errand."""
        return self.inside("pgrep", "-f", "python -m (rehearsal|slipway.agent)").split()


class Person:
    """A person's side in a process of its own; `ask` as tests/fakes/client_process.py takes it."""

    def __init__(self, stage: Stage, folder: Path, verb: str, **ask: Any) -> None:
        self.folder = folder
        asked = {"container": stage.ops, "folder": str(folder), "verb": verb, **ask}
        argv = [sys.executable, "-m", "tests.fakes.client_process", json.dumps(asked)]
        self.process = subprocess.Popen(
            argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def waits_for(self, word: str) -> None:
        assert self.process.stderr is not None
        lines = []
        for line in self.process.stderr:
            lines.append(line)
            if word in line:
                return
        raise AssertionError(f"never said {word}: {''.join(lines)}")

    def answer(self) -> dict[str, Any]:
        out, err = self.process.communicate(timeout=300)
        assert out, err
        found: dict[str, Any] = json.loads(out)
        return found

    def children(self) -> list[int]:
        done = subprocess.run(
            ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=False
        )
        return [int(word) for word in done.stdout.split()]


@pytest.fixture(scope="module")
def stage(module_corner: DockerSandbox, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(module_corner, tmp_path_factory.mktemp("stage"))


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SshServer]:
    """A machine with an sshd whose user may use the engine."""
    folder = tmp_path_factory.mktemp("machine")
    with running(folder, "--volume", f"{SOCKET}:{SOCKET}") as server:
        group = str(SOCKET.stat().st_gid)
        admit = 'groupadd --force --non-unique --gid "$1" engine; usermod -aG engine deploy'
        argv = ["docker", "exec", server.container, "sh", "-euc", admit, "sh", group]
        subprocess.run(argv, check=True, capture_output=True)
        yield server


@pytest.fixture(params=["here", "ssh"])
def way(request: pytest.FixtureRequest) -> dict[str, Any]:
    """How a person's process gets to the container."""
    return {} if request.param == "here" else over(request.getfixturevalue("machine"))


def over(server: SshServer) -> dict[str, Any]:
    ssh = {"port": server.port, "known": str(server.known), "identity": str(server.identity)}
    return {"ssh": ssh}


def test_a_large_stream_comes_and_goes_whole_in_little_memory(
    stage: Stage, way: dict[str, Any], tmp_path: Path
) -> None:
    put = Person(
        stage, tmp_path, "put", request={"key": LARGE_KEY, "chunks": LARGE}, **way
    ).answer()
    assert put["size"] == LARGE * MIB == (tmp_path / LARGE_KEY).stat().st_size
    with (tmp_path / LARGE_KEY).open("rb") as file:
        assert hashlib.file_digest(file, "sha256").hexdigest() == put["sha256"]
    got = Person(stage, tmp_path, "fetch", request={"key": LARGE_KEY}, **way).answer()
    assert got["sha256"] == put["sha256"]
    for answer in (put, got):
        assert answer["peak"] < 80 * MIB, "inside"
        assert answer["own_peak"] < 130 * MIB, "on the person's side"


def test_a_slow_taker_holds_up_no_sign_of_life(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / LARGE_KEY).write_bytes(b"x" * 24 * MIB)
    silence = ALIVE_EVERY + 2
    assert stage.call(FetchRequest(LARGE_KEY, pause=0.5), tmp_path, silence).size == 24 * MIB


def test_other_things_can_be_asked_in_the_middle_of_a_stream(stage: Stage, tmp_path: Path) -> None:
    (tmp_path / LARGE_KEY).write_bytes(b"x" * 60 * MIB)
    assert stage.call(ListWhileFetchingRequest(LARGE_KEY), tmp_path).names == (LARGE_KEY,)
    assert (tmp_path / "small").read_bytes() == b"x"


def test_a_store_that_fails_in_the_middle_is_told_and_leaves_nothing(
    stage: Stage, tmp_path: Path
) -> None:
    class Full(FolderStore):
        def put(self, key: str, chunks: Iterable[bytes], *, expected: int = 0) -> int:
            return super().put(key, self._some(chunks), expected=expected)

        def _some(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
            for number, chunk in enumerate(chunks):
                if number == 5:
                    raise StoreError("the disk of backups/testing is full")
                yield chunk

    where = place(LocalHost("here"), stage.ops)
    with pytest.raises(SlipwayError, match=r"^the disk of backups/testing is full$"):
        store = Full(tmp_path, "backups/testing")
        grant = Grant(store, creates=[LARGE_KEY])
        call.call(where, PutRequest(LARGE_KEY, 200), RecordingReporter(), grant)
    assert list(tmp_path.iterdir()) == []


def test_a_verb_that_fails_in_the_middle_of_a_put_leaves_nothing_and_shows_no_value(
    stage: Stage, tmp_path: Path
) -> None:
    with pytest.raises(
        Exception, match=r"^a mistake in Slipway: ArithmeticError in /srv/rehearsal\.py:\d+$"
    ):
        stage.call(FailRequest("hunter2"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_printed_by_mistake_is_no_message(stage: Stage, tmp_path: Path) -> None:
    assert stage.call(PrintRequest(), tmp_path) == Printed("printed")


@dataclass(frozen=True)
class FlyRequest(Request[Printed]):
    """What no engine knows."""

    verb: ClassVar[str] = "fly"


def test_an_unknown_verb_says_what_to_do(stage: Stage, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"does not know 'fly' yet; deploy first"):
        stage.call(FlyRequest(), tmp_path)


def test_a_container_without_the_engine_or_one_that_is_gone_is_told(
    module_corner: DockerSandbox, stage: Stage
) -> None:
    bare = module_corner.run(base_image("python:3.13-slim-trixie"), "sleep", "60")
    gone = Container(LocalHost("here"), bare, "testing")
    with pytest.raises(HostError, match=r"its engine is older than this one; deploy first"):
        call.call(gone, MigrationStatusRequest(), RecordingReporter())
    module_corner.docker("rm", "--force", bare)
    with pytest.raises(HostError, match=r"status in testing aborted: .*No such container"):
        call.call(gone, MigrationStatusRequest(), RecordingReporter())


def test_two_errands_at_once_do_not_meet(stage: Stage, tmp_path: Path) -> None:
    people = [
        Person(stage, tmp_path, "put", request={"key": f"one-{n}.dump.age", "chunks": 60})
        for n in range(2)
    ]
    assert [person.answer()["size"] for person in people] == [60 * MIB] * 2
    for n in range(2):
        assert (tmp_path / f"one-{n}.dump.age").stat().st_size == 60 * MIB


# -- one end is gone --------------------------------------------------------------------------


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "Ctrl-C"])
def test_when_the_person_is_gone_all_of_it_ends_and_nothing_is_listed(
    stage: Stage, way: dict[str, Any], tmp_path: Path, how: signal.Signals
) -> None:
    person = begun(stage, tmp_path, **way)
    person.process.send_signal(signal.SIGINT if how == signal.SIGTERM else how)
    person.process.wait(120)
    wait_until("its end", lambda: not stage.door() and not stage.holds())
    assert stage.inside("cat", "/tmp/tidied") == "tidied"
    assert list(FolderStore(tmp_path, "here").entries()) == []


def test_after_ctrl_c_the_work_inside_is_over_when_the_command_is(
    stage: Stage, tmp_path: Path
) -> None:
    person = begun(stage, tmp_path)
    person.process.send_signal(signal.SIGINT)
    person.waits_for("interrupted; the agent is rolling back")
    assert person.answer() == {"error": "interrupted", "code": 130}
    assert not stage.holds()
    assert list(tmp_path.iterdir()) == []


def test_when_the_work_inside_is_killed_one_sentence_says_so(
    stage: Stage, way: dict[str, Any], tmp_path: Path
) -> None:
    person = begun(stage, tmp_path, **way)
    stage.inside("kill", "-9", *stage.door())
    answer = person.answer()
    assert answer["error"].endswith(
        "hold in testing aborted: it was killed (out of memory, or its container ended?)"
    )
    assert answer["code"] == 1
    assert person.process.returncode == 1
    wait_until("its end", lambda: not stage.holds())
    assert list(tmp_path.iterdir()) == []


def test_when_the_connection_is_cut_both_ends_notice(
    stage: Stage, machine: SshServer, tmp_path: Path
) -> None:
    person = begun(stage, tmp_path, **over(machine))
    [ssh] = person.children()
    os.kill(ssh, signal.SIGKILL)
    assert "hold in testing aborted" in person.answer()["error"]
    wait_until("its end", lambda: not stage.door() and not stage.holds())
    assert list(tmp_path.iterdir()) == []


def test_when_sshd_goes_the_person_is_told_that_the_connection_was_lost(
    stage: Stage, machine: SshServer, tmp_path: Path
) -> None:
    person = begun(stage, tmp_path, **over(machine))
    assert person.children()
    argv = ["docker", "exec", machine.container, "pkill", "-9", "-u", "deploy", "sshd"]
    subprocess.run(argv, check=True)
    assert "aborted: the connection was lost" in person.answer()["error"]
    wait_until("its end", lambda: not stage.door() and not stage.holds())


def test_a_person_who_is_silent_is_taken_for_gone(stage: Stage, tmp_path: Path) -> None:
    person = begun(stage, tmp_path, silence=ALIVE_EVERY + 2)
    time.sleep(ALIVE_EVERY + 3)
    assert stage.holds(), "a sign of life came in time"
    person.process.send_signal(signal.SIGSTOP)
    try:
        wait_until("its end", lambda: not stage.door() and not stage.holds())
    finally:
        person.process.send_signal(signal.SIGCONT)
    assert person.answer()["code"] in (1, 130)


def begun(stage: Stage, folder: Path, **ask: Any) -> Person:
    """A person whose errand holds a child and an open upload."""
    stage.inside("rm", "-f", "/tmp/tidied")
    person = Person(stage, folder, "hold", **ask)
    person.waits_for("holding")
    wait_until("the lock", stage.holds)
    return person
