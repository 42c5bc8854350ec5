"""Deploys and what the agent has under way: waited for, refused with 75, no bar to a way back."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import pytest

from slipway.errors import Busy, HostError, Refused, SlipwayError, Unreachable
from slipway.hosts.host import CommandResult
from slipway.machines.connect import Cluster
from slipway.progress import SILENT, Reporter
from slipway.releases import agent_work, deploy_failures
from slipway.releases.deployment import Deployment
from slipway.releases.hooks import Hooks
from slipway.releases.shared_services import SharedServices
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter

BACKUP = "42\tagent backup\tpython -m slipway.agent --tethered \n"
OLDER = "7\tpython\tpython -m slipway.agent job --given {} \n"


@dataclass
class Standing:
    """Shared services that differ from their description, or do not."""

    is_different: bool = True
    app: str = "shop-prod"
    changed: list[tuple[str, ...]] = field(default_factory=list)
    half_swapped: str = ""

    def refuse_unfinished_swap(self) -> None:
        if self.half_swapped:
            raise Refused(self.half_swapped)

    def differs(self, *roles: str) -> bool:
        return self.is_different

    def keep(self, *roles: str, reporter: Reporter) -> str:
        self.changed.append(roles)
        return "started"

    @property
    def services(self) -> SharedServices:
        return cast(SharedServices, self)


def machine(under_way: str = "") -> FakeHost:
    host = FakeHost("m1").answers("docker", "ps", out="c0ffee\n")
    host.answers("docker", "exec", "c0ffee", "rm")
    return host.answers("docker", "exec", "c0ffee", "sh", out=under_way)


def cluster(host: FakeHost) -> Cluster:
    return Cluster(host, {"m1": host})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (BACKUP, "a backup has been running in ops for 42 s"),
        (OLDER, r"a command of inv db\.\* has been running in ops for 7 s"),
    ],
)
def test_what_does_not_end_in_time_is_named_and_may_go_on_as_may_others(
    lines: str, words: str
) -> None:
    host, reporter = machine(lines), RecordingReporter()
    with pytest.raises(Busy, match=f"^{words}; .* which this would end; run it again when that"):
        agent_work.wait(Standing().services, cluster(host), reporter, patience=-1)
    assert len(host.ran("docker", "exec", "c0ffee", "rm")) == 2  # in ops and in schedule


def test_no_service_is_started_over_files_of_which_half_are_swapped() -> None:
    standing = Standing(is_different=False, half_swapped="a restore has not ended")
    with pytest.raises(Refused, match="has not ended"):
        agent_work.wait(standing.services, cluster(machine()), RecordingReporter())


def test_a_deploy_that_changes_neither_database_nor_operations_asks_nothing() -> None:
    host, standing = FakeHost("m1"), Standing(is_different=False)
    agent_work.wait(standing.services, cluster(host), RecordingReporter())
    agent_work.keep(standing.services, cluster(host), SILENT)
    assert host.asked == []


def test_a_container_that_is_frozen_does_not_pass_for_one_in_which_nothing_runs() -> None:
    host = machine().answers("docker", "exec", "c0ffee", "sh", code=1, err="c0ffee is paused\n")
    with pytest.raises(HostError, match=r"^m1: what runs in ops cannot be seen: c0ffee is paused"):
        agent_work.wait(Standing().services, cluster(host), RecordingReporter())
    asked = iter(("c0ffee\n", ""))  # ended meanwhile: it does nothing any more
    host.reacts("docker", "ps", by=lambda argv, _: _result(argv, next(asked, "")))
    agent_work.wait(Standing().services, cluster(host), RecordingReporter())


def _result(argv: Sequence[str], out: str) -> CommandResult:
    return CommandResult("m1", tuple(argv), 0, out, "")


def test_the_way_back_waits_too_but_not_for_what_cannot_be_seen() -> None:
    lost = FakeHost("m1").answers("docker", raises=HostError("m1", "is it frozen?"))
    standing, reporter = Standing(), RecordingReporter()
    agent_work.bring_back(standing.services, cluster(lost), reporter)
    assert standing.changed == [("data", "ops")]
    assert reporter.notes == ["cannot see what is under way there: m1: is it frozen?"]


def test_a_machine_is_not_removed_under_a_backup_unless_it_is_lost() -> None:
    with pytest.raises(Busy, match="a backup has been running in ops"):
        agent_work.leave(machine(BACKUP), "shop-prod", RecordingReporter(), patience=-1)
    lost = FakeHost("m3").answers("docker", raises=Unreachable("m3", "no route"))
    reporter = RecordingReporter()
    agent_work.leave(lost, "shop-prod", reporter)
    assert reporter.notes == ["cannot see what is under way there: m3: no route"]


class Waiting:
    """As much of a deploy as is needed to say how it ended."""

    live = None

    hooks = Hooks(dict, 1, Path("/nowhere"))
    reporter = SILENT
    failure = ""

    def serving_now(self) -> str:
        return "release 3 serves as before"

    def note_failure(self, error: BaseException) -> None:
        raise AssertionError("nothing was changed, so nothing has failed")

    @property
    def release(self) -> object:
        return type("Named", (), {"label": "release 4"})


def test_a_deploy_that_has_waited_in_vain_ends_with_75_and_is_no_failure() -> None:
    deployment, busy = cast(Deployment, Waiting()), Busy("a backup has been running")
    with pytest.raises(SlipwayError) as caught:
        deploy_failures.account_for(deployment, busy, touched=False)
    assert caught.value.exit_code == 75
    assert str(caught.value) == "a backup has been running\nrelease 3 serves as before"
