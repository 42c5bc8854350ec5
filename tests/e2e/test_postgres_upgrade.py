"""PostgreSQL upgraded from 17 to 18 by its runbook, with rows in it, and brought back."""

from collections.abc import Callable, Iterator

import pytest

from tests import base_images
from tests.e2e import checkout, leftovers, rig
from tests.e2e.checkout import Checkout, CommandOutcome
from tests.e2e.rig import Rig
from tests.e2e.site import Visitor
from tests.waiting import MINUTES

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"
SURE = ("--yes", "--yes-destroy=staging", "--manual-done", "--set=major=18", "--set=name=m1")

Follow = Callable[[str], CommandOutcome]


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    """One machine of staging with a first release, from a clone of its own."""
    base_images.demand_pair("postgres:17", "postgres:18")
    name = leftovers.new_name()
    with leftovers.swept(name):
        project = checkout.clone(tmp_path_factory.mktemp("upgrade"), name)
        project.borrow_packages()
        project.shrink("staging")
        yield rig.deployed(project, ["m1"])


@pytest.fixture
def follow(one: Rig) -> Follow:
    """Follow a part of the runbook without a terminal, every question answered in advance."""

    def run(part: str) -> CommandOutcome:
        words = ("--name=upgrade-postgres", STAGING, *SURE, part)
        return one.checkout.inv("runbook.run", *words, timeout=15 * MINUTES).expect()

    return run


def test_the_rows_are_there_in_18_and_again_in_17_after_the_way_back(
    one: Rig, follow: Follow
) -> None:
    project = one.checkout
    ada = Visitor(one.url("m1"))
    ada.sign_up()
    entry = ada.write("Kept", "Written under 17.")
    assert major(project) == 17

    follow("--section=before-you-start")
    project.replace("compose/ops/Dockerfile", "FROM postgres:17", "FROM postgres:18")
    project.commit("Bring the tools of PostgreSQL 18")
    project.inv("bootstrap", timeout=15 * MINUTES).expect()  # where no registry has the image
    follow("--section=prove-the-way-with-the-new-tools")
    assert major(project) == 17
    assert ada.read(entry) == "Written under 17."

    project.replace("compose/db/Dockerfile", "FROM postgres:17", "FROM postgres:18")
    project.replace("compose/slipway.yml", '"db:/var/lib', '"db18:/var/lib')
    project.replace("compose/slipway.yml", "\n  db: {}\n", "\n  db: {}\n  db18: {}\n")
    project.commit("Upgrade to PostgreSQL 18")
    refused = project.inv("deploy", STAGING).expect(4)
    assert "in 18+, these Docker images" in refused.err
    assert major(project) == 17
    assert ada.read(entry) == "Written under 17."

    project.replace(
        "compose/slipway.yml", "db18:/var/lib/postgresql/data", "db18:/var/lib/postgresql"
    )
    project.commit("Mount the volume where 18 has it")
    follow("--from=write-down-the-new-server")
    assert major(project) == 18
    ada.sign_in()
    assert ada.read(entry) == "Written under 17."
    late = Visitor(one.url("m1"))
    late.sign_up()

    follow("--section=roll-back")
    assert major(project) == 17
    ada.sign_in()
    assert ada.read(entry) == "Written under 17."
    with pytest.raises(AssertionError):
        late.sign_in()


def major(project: Checkout) -> int:
    sql = "select current_setting('server_version_num')::int / 10000 as major"
    (row,) = project.inv("db.query", STAGING, "--json", f"--sql={sql}").expect().json
    return int(row["major"])
