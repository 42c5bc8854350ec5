"""The managers of a Swarm as one host: what happens when the one in use is lost."""

import contextlib
from collections.abc import Iterator, Sequence

import pytest

from slipway.errors import CommandFailed, Unreachable
from slipway.hosts.host import Dialogue
from slipway.machines.managers import Managers
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter

INFO = ("docker", "info")


def lost(name: str) -> FakeHost:
    return FakeHost(name).answers("docker", raises=Unreachable(name, "is it frozen?"))


def test_the_next_manager_is_used_from_then_on_and_the_operator_learns_it() -> None:
    reporter = RecordingReporter()
    m1, m2, m3 = lost("m1"), FakeHost("m2").answers(*INFO, out="yes"), FakeHost("m3")
    managers = Managers([m1, m2, m3], reporter)
    assert managers.name == "m1"
    assert [managers.run(INFO).out for _ in range(2)] == ["yes", "yes"]
    assert managers.name == "m2"
    assert (len(m1.asked), len(m2.asked), len(m3.asked)) == (1, 2, 0)
    assert reporter.notes == ["m1: is it frozen?; continuing with m2"]


def test_each_manager_is_tried_once_before_a_command_fails() -> None:
    hosts = [lost(name) for name in ("m1", "m2", "m3")]
    with pytest.raises(Unreachable, match="m3: is it frozen"):
        Managers(hosts, RecordingReporter()).run(INFO)
    assert [len(host.asked) for host in hosts] == [1, 1, 1]


def test_one_that_is_back_is_used_when_the_next_is_lost() -> None:
    m1 = lost("m1")
    m2 = FakeHost("m2").answers(*INFO, out="m2")
    managers = Managers([m1, m2], RecordingReporter())
    assert managers.run(INFO).out == "m2"
    m1.answers(*INFO, out="m1")
    m2.answers(*INFO, raises=Unreachable("m2", "is it frozen?"))
    assert managers.run(INFO).out == "m1"


class TornDialogue:
    """It seems to listen, and is lost before it answers."""

    def write(self, data: bytes) -> None:
        """Take it."""

    def read(self, size: int) -> bytes:
        raise Unreachable("m1", "is it frozen?")


class Torn(FakeHost):
    """A host that is lost while it is spoken with."""

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        yield TornDialogue()


def test_one_that_is_lost_while_it_is_spoken_with_is_left_for_the_next() -> None:
    reporter = RecordingReporter()
    managers = Managers([Torn("m1"), FakeHost("m2").answers(*INFO, out="yes")], reporter)
    with managers.dial(INFO, timeout=1) as dialogue, pytest.raises(Unreachable):
        dialogue.read(1)
    assert managers.run(INFO).out == "yes"
    assert reporter.notes == ["m1: is it frozen?; continuing with m2"]


class Listener:
    """Answers each question with the number of its host's dialogue, until its host is torn."""

    def __init__(self, number: int) -> None:
        self._answer = str(number).encode()
        self.torn = False

    def write(self, data: bytes) -> None:
        """Take it."""

    def read(self, size: int) -> bytes:
        return b"" if self.torn else self._answer


class Listening(FakeHost):
    """A host that remembers the dialogues that began and those that ended."""

    def __init__(self) -> None:
        super().__init__("m1")
        self.begun: list[Listener] = []
        self.ended = 0

    @contextlib.contextmanager
    def dial(self, argv: Sequence[str], *, timeout: float) -> Iterator[Dialogue]:
        self.begun.append(Listener(len(self.begun) + 1))
        try:
            yield self.begun[-1]
        finally:
            self.ended += 1


def ask(managers: Managers) -> bytes:
    with managers.dial(INFO, timeout=1) as dialogue:
        dialogue.write(b"?")
        return dialogue.read(1)


def test_a_dialogue_that_a_block_was_done_with_is_taken_by_the_next_one() -> None:
    host = Listening()
    managers = Managers([host], RecordingReporter())
    assert [ask(managers), ask(managers)] == [b"1", b"1"]
    with managers.dial(INFO, timeout=1), managers.dial(INFO, timeout=1) as other:
        assert other.read(1) == b"2", "two who speak at once have one each"
    assert len(host.begun) == 2 and host.ended == 0


def test_a_dialogue_that_broke_or_was_left_in_the_middle_is_nobodys_any_more() -> None:
    host = Listening()
    managers = Managers([host], RecordingReporter())
    with contextlib.suppress(KeyboardInterrupt), managers.dial(INFO, timeout=1) as dialogue:
        dialogue.write(b"?")
        raise KeyboardInterrupt
    assert ask(managers) == b"2", "the answer to the first would have come here"
    host.begun[-1].torn = True
    assert ask(managers) == b""
    assert ask(managers) == b"3"
    assert host.ended == 2


def test_a_dialogue_of_a_manager_that_was_left_is_not_waited_for() -> None:
    m1, m2 = Listening(), Listening()
    m1.answers(*INFO, raises=Unreachable("m1", "is it frozen?"))
    m2.answers(*INFO, out="yes")
    managers = Managers([m1, m2], RecordingReporter())
    ask(managers)
    assert managers.run(INFO).out == "yes"
    ask(managers)
    assert (len(m1.begun), len(m2.begun)) == (1, 1)


def test_a_command_that_fails_is_no_reason_to_ask_another_manager() -> None:
    m1, m2 = FakeHost("m1").answers(*INFO, code=1), FakeHost("m2")
    with pytest.raises(CommandFailed):
        Managers([m1, m2], RecordingReporter()).run(INFO)
    assert m2.asked == []


def test_a_stream_that_was_read_is_not_sent_again() -> None:
    m2 = FakeHost("m2")
    with pytest.raises(Unreachable):
        Managers([lost("m1"), m2], RecordingReporter()).run(INFO, stdin=iter([b"once"]))
    assert m2.asked == []
