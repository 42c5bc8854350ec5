"""The swap of restored files: ended once it has begun, and no service starts on half of it."""

from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from slipway.errors import Refused, SlipwayError
from slipway.files.messages import FilesReply
from slipway.machines.connect import Cluster
from slipway.progress import SILENT, Reporter
from slipway.releases import file_restores
from slipway.releases.application import Service
from slipway.releases.file_jobs import FileStore
from slipway.releases.jobs import JobFailed
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE

UPLOADS = {"type": "volume", "source": "uploads", "target": "/uploads"}
MEDIA = Service("media", "data", {"image": "media", "volumes": [UPLOADS]})


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
    return ScriptedStore(ENV, cluster, release, MEDIA, ("uploads",), list(answers))


REPLY = FilesReply("in place", "s3://b/files")


@pytest.mark.parametrize("cut", [JobFailed("the container is gone"), KeyboardInterrupt()])
def test_a_swap_that_is_cut_off_is_ended(cut: BaseException) -> None:
    files = store(FakeHost("m1", otherwise=0), cut, REPLY)
    assert file_restores._exchange(files, ("uploads",), "id", SILENT) == REPLY


def test_a_service_is_not_started_on_files_of_two_times() -> None:
    manager = FakeHost("m1", otherwise=0)
    files = store(manager, JobFailed("gone"), JobFailed("gone again"))
    with (
        pytest.raises(SlipwayError, match=r"media may be stopped(.|\n)*--undo"),
        file_restores.standing_still(files, ("uploads",), SILENT),
    ):
        file_restores._exchange(files, ("uploads",), "id", SILENT)
    assert [words[-1] for words in manager.ran("docker", "service", "scale")] == [
        f"{ENV.prefix}-data_media=0"
    ]


def test_nothing_is_tried_again_where_nothing_was_changed() -> None:
    files = store(FakeHost("m1", otherwise=0), Refused("nothing was changed"), REPLY)
    with pytest.raises(Refused):
        file_restores._exchange(files, ("uploads",), "id", SILENT)
