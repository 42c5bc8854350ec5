"""The swap of files: ended once it has begun, by whoever comes next, and nothing starts on half."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from slipway.cluster.observed import Observed
from slipway.errors import Busy, Refused, SlipwayError
from slipway.files.messages import FilesReply
from slipway.machines.connect import Cluster
from slipway.progress import SILENT, Reporter
from slipway.releases import file_swaps
from slipway.releases.application import Service
from slipway.releases.file_jobs import FileStore
from slipway.releases.file_swaps import FileSwap
from slipway.releases.jobs import JobFailed
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE

UPLOADS = {"type": "volume", "source": "uploads", "target": "/uploads"}
MEDIA = Service("media", "data", {"image": "media", "volumes": [UPLOADS]})
EMPTY = Observed("active true", 0, (), (), {}, frozenset(), frozenset())
FIRST = FileSwap(("uploads",), "restored-20261130T101754Z-1f3a", "20261130T111754Z")
AGAIN = replace(FIRST, by="anna@laptop")
REPLY = FilesReply("in place", volumes=("uploads",))


@dataclass(frozen=True)
class ScriptedStore(FileStore):
    """Files whose container answers as was said."""

    answers: list[FilesReply | BaseException] = field(default_factory=list)

    def ask(self, verb: str, reporter: Reporter, **fields: Any) -> FilesReply:
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer


def store(manager: FakeHost, *answers: FilesReply | BaseException) -> ScriptedStore:
    release = replace(RELEASE, services=(*RELEASE.services, MEDIA))
    cluster = Cluster(manager, {"m1": manager})
    return ScriptedStore(ENV, cluster, release, MEDIA, ("uploads",), EMPTY, list(answers))


def marks(manager: FakeHost) -> list[str]:
    """What was done to the mark, in order: create, rm."""
    return [words[2] for words in manager.ran("docker", "config")]


def scaled(manager: FakeHost) -> Sequence[str]:
    return [words[-1].rpartition("=")[2] for words in manager.ran("docker", "service", "scale")]


@pytest.mark.parametrize("cut", [JobFailed("the container is gone"), KeyboardInterrupt()])
def test_a_swap_that_is_cut_off_is_ended(cut: BaseException) -> None:
    assert (
        file_swaps.exchange(store(FakeHost("m1", otherwise=0), cut, REPLY), FIRST, SILENT) == REPLY
    )


@pytest.mark.parametrize("again", [JobFailed("gone again"), Busy("a backup runs")])
def test_a_service_is_not_started_on_files_of_two_times_and_the_mark_stays(
    again: SlipwayError,
) -> None:
    manager = FakeHost("m1", otherwise=0)
    files = store(manager, JobFailed("gone"), again)
    with pytest.raises(
        SlipwayError, match=r"media may be stopped(.|\n)*to end the swap(.|\n)*--undo"
    ):
        file_swaps.carry_out(files, FIRST, SILENT)
    assert scaled(manager) == ["0"] and marks(manager) == ["create"]
    observed = replace(EMPTY, configs={f"{ENV.prefix}.files": labels(manager)})
    with pytest.raises(Refused, match=r"files in uploads, begun by \S+@\S+, has not ended"):
        file_swaps.refuse_unfinished(ENV, observed)
    begun = file_swaps.unfinished(observed, ENV.prefix)
    assert begun and replace(begun, by="") == FIRST  # whoever comes next swaps the same


def labels(manager: FakeHost) -> dict[str, str]:
    (words,) = manager.ran("docker", "config", "create")
    pairs = (after for word, after in itertools.pairwise(words) if word == "--label")
    return dict(pair.partition("=")[::2] for pair in pairs)


@pytest.mark.parametrize("kind", [Refused, Busy])  # the schedule has just begun a backup
def test_where_nothing_was_changed_it_starts_again_and_the_mark_goes(
    kind: type[SlipwayError],
) -> None:
    manager = FakeHost("m1", otherwise=0)
    with pytest.raises(kind, match=r"^not now$"):
        file_swaps.carry_out(store(manager, kind("not now"), REPLY), FIRST, SILENT)
    assert scaled(manager) == ["0", "1"] and marks(manager) == ["create", "rm"]


def test_what_was_begun_before_stays_stopped_also_where_its_end_is_refused() -> None:
    manager = FakeHost("m1", otherwise=0)
    with pytest.raises(SlipwayError, match="media may be stopped"):
        file_swaps.carry_out(store(manager, Refused("not now")), AGAIN, SILENT)
    assert scaled(manager) == ["0"] and marks(manager) == []


def test_of_a_volume_that_was_lost_with_its_machine_there_is_nothing_to_end() -> None:
    manager = FakeHost("m1", otherwise=0)
    nothing = FilesReply("nothing of it is in uploads")
    with pytest.raises(Refused, match="nothing of it is in uploads; what uses uploads was started"):
        file_swaps.carry_out(store(manager, nothing), AGAIN, SILENT)
    assert scaled(manager) == ["0", "1"] and marks(manager) == ["rm"]
