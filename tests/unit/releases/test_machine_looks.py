"""What a deploy reads of its machines costs one command on each, whatever is to be known."""

import shlex
from collections.abc import Sequence

import pytest

from slipway.edge.edges import LOOK, Edges, EdgesState
from slipway.edge.questions import Question
from slipway.environments import environment
from slipway.errors import Refused
from slipway.hosts.host import CommandResult
from slipway.images import ship
from slipway.machines import job_timer
from slipway.releases import preflight
from slipway.releases.machine_looks import MachineQuestions
from tests.fakes.host import FakeHost, batched
from tests.fakes.reporter import RecordingReporter

ENV = environment.load("prod")
READY = Question("api-blue", "http://api-blue:8000/ready")


def machine(name: str, *, room: str = "free 5000000000", timer: str = "runs") -> FakeHost:
    answers = {
        preflight.LOOK: room,
        ship.HAVE: 'sha256:a\t["l"]\t["shop/api:src-1"]',
        job_timer.LOOK: timer,
    }

    def answer(argv: Sequence[str]) -> CommandResult:
        text = answers.get(argv[2], "")
        if LOOK in argv:
            text = f"release-7-blue-{name}\n1"
        return CommandResult(name, tuple(argv), 0, text, "")

    return FakeHost(name).reacts("sh", by=lambda argv, _: batched(argv, answer))


def test_all_that_is_to_be_known_of_a_machine_is_one_command() -> None:
    first, second = hosts = [machine("m1"), machine("m2", timer="")]
    questions = MachineQuestions(["api-green"], {"443"}, with_images=True, services=[READY])
    looks = questions.ask(ENV, Edges(ENV.prefix, hosts), RecordingReporter())
    assert looks.edges == EdgesState(frozenset(["release-7-blue-m1", "release-7-blue-m2"]), 2)
    assert (looks.timers, looks.is_ready) == (frozenset(["m1"]), True)
    assert looks.inventory["m2"] == ship.Images({"sha256:a": ("l",)}, frozenset(["shop/api:src-1"]))
    assert [len(host.asked) for host in hosts] == [1, 1]
    assert [READY.address in shlex.join(host.asked[0].argv) for host in (first, second)] == [
        True,
        False,
    ]


def test_a_machine_without_room_is_refused_by_name() -> None:
    hosts = [machine("m1"), machine("m2", room="free 10")]
    with pytest.raises(Refused, match=r"m2 has 0\.0 GB free .* Nothing was changed"):
        MachineQuestions(free=()).ask(ENV, Edges(ENV.prefix, hosts), RecordingReporter())
