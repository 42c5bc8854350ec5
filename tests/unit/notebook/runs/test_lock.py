"""Before the first cell: an environment for one run alone, who and where one is, what is secret."""

import os
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from slipway.cluster.lease import Lease
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import Busy, Refused, SlipwayError, Unreachable
from slipway.hosts import person
from slipway.machines.connect import Cluster
from slipway.notebook.document import Runbook
from slipway.notebook.reading import parse
from slipway.notebook.runs import host_facts
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.lock import hold
from slipway.project import ROOT
from tests.fakes.host import FakeHost

STAGING = Environment("staging", {"PROJECT": "demo", "RUNS_ON": "machines"}, {})


def taking(runs: Path, env: str = "staging", runbook: str = "restore") -> None:
    with hold(env, runbook, "20261122T193000Z", "ben", runs):
        pass


# --- one run at a time -------------------------------------------------------------------------


def test_a_second_run_is_told_who_has_the_environment_since_when_at_which_cell(
    tmp_path: Path,
) -> None:
    runs = tmp_path / "runs"
    with hold("staging", "deploy", "20261122T193000Z", "anna", runs) as mine:
        mine.publish("back-up-first")
        told = r"anna runs deploy on staging since \d\d:\d\d, at cell back-up-first\. Nothing was"
        with pytest.raises(Busy, match=told) as busy:
            taking(runs)
        assert busy.value.exit_code == 75
        mine.publish("x")  # shorter than before, and still whole
        with pytest.raises(Busy, match=r"at cell x\."):
            taking(runs)
        taking(runs, env="prod")
    taking(runs)
    assert stat.S_IMODE((runs / "staging.claim").stat().st_mode) == 0o600


def test_runs_without_an_environment_do_not_wait_for_each_other(tmp_path: Path) -> None:
    with hold("", "hack-locally", "1", "anna", tmp_path / "runs") as mine:
        mine.publish("clone")
        taking(tmp_path / "runs", env="")
    assert not (tmp_path / "runs").exists()


class UnreachableLease(Lease):
    """A lease whose machines have been given back."""

    def __init__(self) -> None: ...

    def check(self) -> None:
        raise Unreachable("m1", "no answer")


def test_a_run_that_gave_back_its_machines_ends_without_their_lease(tmp_path: Path) -> None:
    with hold("given-back", "destroy", "1", "anna", tmp_path / "runs") as lock:
        lock.lease = UnreachableLease()
        lock.check()  # nobody is left who could take the lease over
        assert lock.lease is None


def test_a_killed_run_holds_nothing(tmp_path: Path) -> None:
    lines = [
        "import sys, time, pathlib",
        "from slipway.notebook.runs.lock import hold",
        "with hold('staging', 'deploy', '1', 'anna', pathlib.Path(sys.argv[1])):",
        "    print('mine', flush=True)",
        "    time.sleep(600)",
    ]
    argv = [sys.executable, "-c", "\n".join(lines), str(tmp_path)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with pytest.raises(Busy, match="anna runs deploy"):
            taking(tmp_path)
        process.send_signal(signal.SIGKILL)
        process.wait()
    taking(tmp_path)


class Swarm:
    """A manager whose lease is free, held by another, or out of reach."""

    def __init__(self, answer: str = "taken\n", fault: Exception | None = None) -> None:
        self.host = FakeHost("m1").answers("sh", out=answer)
        self.fault = fault
        self.open = 0

    @contextmanager
    def connect(self, env: Environment) -> Iterator[Cluster]:
        if self.fault is not None:
            raise self.fault
        self.open += 1
        yield Cluster(self.host, {})
        self.open -= 1

    def leases(self) -> list[tuple[str, ...]]:
        """The words given to each script."""
        return [words[words.index("sh", 1) + 1 :] for words in self.host.ran("sh")]


def test_other_computers_see_the_claim_under_a_name_of_its_own(tmp_path: Path) -> None:
    swarm = Swarm()
    with hold("staging", "deploy", "1", "anna", tmp_path) as mine:
        mine.publish("back-up-first")
        assert mine.acquire_lease(STAGING, swarm.connect) == ""
        assert mine.acquire_lease(STAGING, swarm.connect) == ""  # once is enough
        mine.check()
        (taken,) = swarm.leases()
        assert taken[0] == "demo-staging-runbook"
        assert "runbook deploy, cell back-up-first" in taken
        assert swarm.open == 1
    assert swarm.open == 0
    assert len(swarm.leases()) == 2  # given back


def test_a_run_on_another_computer_is_not_disturbed(tmp_path: Path) -> None:
    labels = '"slipway.token": "t", "slipway.owner": "ben@desk", "slipway.reason": "runbook x"'
    lease = f'{{"ID": "i", "Spec": {{"Labels": {{"slipway.at": "990", {labels}}}}}}}'
    swarm = Swarm(f"1000\n{lease}\n")
    with (
        hold("staging", "deploy", "1", "anna", tmp_path) as mine,
        pytest.raises(Busy, match=r"ben@desk \(runbook x, for 10 s\)"),
    ):
        mine.acquire_lease(STAGING, swarm.connect)
    assert swarm.open == 0


@pytest.mark.parametrize("fault", [Unreachable("m1", "no answer"), Refused("no machines yet")])
def test_machines_out_of_reach_are_a_note_and_no_failure(
    tmp_path: Path, fault: SlipwayError
) -> None:
    with hold("staging", "host-lost", "1", "anna", tmp_path) as mine:
        note = mine.acquire_lease(STAGING, Swarm(fault=fault).connect)
        assert note == f"a run on another computer would not be noticed: {fault}"
        mine.check()


def test_an_environment_on_this_computer_asks_no_machine(tmp_path: Path) -> None:
    with hold("dev", "deploy", "1", "anna", tmp_path) as mine:
        fault = AssertionError("not to be asked")
        assert mine.acquire_lease(environment.load("dev"), Swarm(fault=fault).connect) == ""


# --- who and where -----------------------------------------------------------------------------


def git(folder: Path, *words: str) -> None:
    who = ["-c", "user.name=Anna", "-c", "user.email=anna@example.org", "-c", "commit.gpgsign=no"]
    kept = {"PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_NOSYSTEM": "1"}
    argv = ["git", *who, "-C", str(folder), *words]
    subprocess.run(argv, env=kept, check=True, capture_output=True)


def commit(folder: Path, name: str) -> None:
    (folder / name).write_text(name)
    git(folder, "add", "--", name)
    git(folder, "commit", "-q", "-m", name)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A clone on main, whose remote has had one commit more since it was fetched."""
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    remote.mkdir()
    git(remote, "init", "-q", "-b", "main")
    commit(remote, "one")
    git(remote, "clone", "-q", str(remote), str(clone))
    git(clone, "config", "user.email", "anna@example.org")
    commit(remote, "two")
    return clone


def book(risk: str = "high") -> Runbook:
    text = f"---\nrisk: {risk}\n---\n\n# Return to an earlier release\n"
    return parse.parse(text, Path("runbooks/rollback.md"))[0]


def test_a_clean_checkout_is_nothing_to_talk_about(checkout: Path) -> None:
    here = host_facts.look(checkout)
    assert (here.email, here.branch, len(here.commit)) == ("anna@example.org", "main", 40)
    assert here.user == person.user()
    assert not here.dirty
    assert host_facts.warnings(here, book()) == []
    host_facts.refuse_unagreed(here, book(), "prod")


def test_what_is_not_as_agreed_is_said_and_risky_runbooks_refuse(checkout: Path) -> None:
    git(checkout, "fetch", "-q")
    for name in ("a b", "c", "d", "e"):
        (checkout / name).write_text("new")
    git(checkout, "mv", "one", "moved")
    here = host_facts.look(checkout)
    assert (here.behind, here.changed[0]) == (1, "moved")
    told = host_facts.warnings(here, book())
    assert told == [
        "not committed: moved, a b, c and 2 more",
        "1 commit behind the remote; rollback may have changed: git pull",
    ]
    way = r"first type: git stash --include-untracked \(or commit\), then git pull"
    with pytest.raises(Refused, match=way):
        host_facts.refuse_unagreed(here, book(), "prod")
    host_facts.refuse_unagreed(here, book("medium"), "prod")
    host_facts.refuse_unagreed(here, book(), "testing")


@pytest.mark.parametrize(
    ("how", "said"), [(("-c", "mine"), "on mine"), (("--detach",), "on no branch")]
)
def test_another_branch_or_none_is_said_and_risky_runbooks_refuse(
    checkout: Path, how: tuple[str, ...], said: str
) -> None:
    git(checkout, "switch", "-q", *how)
    here = host_facts.look(checkout)
    assert host_facts.warnings(here, book()) == [f"{said}, not on main"]
    with pytest.raises(Refused, match=f"{said}, not on main.*first type: git switch main$"):
        host_facts.refuse_unagreed(here, book(), "prod")
    host_facts.refuse_unagreed(here, book("medium"), "prod")
    host_facts.refuse_unagreed(here, book(), "testing")


def test_the_branch_that_clones_of_the_remote_begin_on_is_agreed_on(checkout: Path) -> None:
    git(checkout, "push", "-q", "origin", "main:trunk")
    git(checkout, "remote", "set-head", "origin", "trunk")
    git(checkout, "switch", "-q", "trunk")
    here = host_facts.look(checkout)
    assert host_facts.warnings(here, book()) == []
    host_facts.refuse_unagreed(here, book(), "prod")
    git(checkout, "switch", "-q", "-c", "mine")
    with pytest.raises(Refused, match="git switch trunk"):
        host_facts.refuse_unagreed(host_facts.look(checkout), book(), "prod")


def test_how_far_it_is_behind_is_unknown_without_a_branch_that_it_follows(checkout: Path) -> None:
    why = "main follows no branch of origin that is there, so whether it is behind is unknown"
    way = "first type: git fetch origin, then git branch --set-upstream-to=origin/main$"
    git(checkout, "update-ref", "-d", "refs/remotes/origin/main")  # gone at the remote
    for words in (["remote", "prune", "origin"], ["branch", "--unset-upstream"]):
        git(checkout, *words)
        assert host_facts.warnings(host_facts.look(checkout), book()) == [why]
        with pytest.raises(Refused, match=way):
            host_facts.refuse_unagreed(host_facts.look(checkout), book(), "prod")
    host_facts.refuse_unagreed(host_facts.look(checkout), book("medium"), "prod")
    git(checkout, "remote", "remove", "origin")  # nobody shares it: its state is the agreed one
    host_facts.refuse_unagreed(host_facts.look(checkout), book(), "prod")


def test_no_repository_at_all_is_said_and_risky_runbooks_refuse(tmp_path: Path) -> None:
    here = host_facts.look(tmp_path)
    assert here.commit == ""
    assert "not a git checkout" in host_facts.warnings(here, book())[0]
    with pytest.raises(Refused, match=r"cannot be told: .*is not a git checkout.*git init"):
        host_facts.refuse_unagreed(here, book(), "prod")
    host_facts.refuse_unagreed(here, book("medium"), "prod")
    unnamed = HostFacts("anna", "laptop", commit="c0ffee", branch="main")
    assert host_facts.warnings(unnamed, book()) == []


def test_a_checkout_that_git_does_not_trust_is_said_and_risky_runbooks_refuse(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GIT_TEST_ASSUME_DIFFERENT_OWNER", "1")
    here = host_facts.look(checkout)
    with pytest.raises(Refused, match=f"git config --global --add safe.directory {checkout}"):
        host_facts.refuse_unagreed(here, book(), "prod")


def test_in_a_hook_of_another_repository_it_is_this_one_that_is_asked(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = host_facts.look(checkout)
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "other" / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(tmp_path / "index"))
    assert host_facts.look(checkout) == own
