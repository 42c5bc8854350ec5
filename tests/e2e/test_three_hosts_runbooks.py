"""The runbooks themselves, followed cell by cell on three machines, with their ways back."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e import leftovers, rig
from tests.e2e.checkout import Checkout
from tests.e2e.rig import Follow, Rig
from tests.e2e.site import Visitor

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"
PAGE = "compose/web/site/index.html"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Checkout]:
    """A clone of its own, and so machines of its own, beside those under load."""
    with leftovers.lent_clone(tmp_path_factory.mktemp("runbooks")) as made:
        made.borrow_packages()
        yield made


@pytest.fixture(scope="module")
def three(project: Checkout) -> Rig:
    return rig.deployed(project)


def serving(three: Rig) -> str:
    (release,) = three.releases()
    return release


def test_deploy_and_its_way_back(three: Rig, clone: Checkout, follow: Follow) -> None:
    clone.replace(PAGE, "Write it down.", "Deployed by a runbook.")
    clone.commit("Deployed by a runbook")
    before = serving(three)
    follow("deploy")
    after = serving(three)
    assert after != before
    follow("deploy", "--section=roll-back")
    assert serving(three) == before
    follow("rollback", f"--set=release={after}")
    assert serving(three) == after
    follow("rollback", f"--set=release={before}", "--section=roll-back")


def test_what_a_run_did_is_in_its_history_and_in_its_page(
    three: Rig, project: Checkout, follow: Follow
) -> None:
    follow("backup")
    (newest, *_) = project.inv("runbook.history", STAGING, "--json").expect().json
    assert (newest["runbook"], newest["env"], newest["result"]) == ("backup", "staging", "done")
    page = project.inv("runbook.export", "--html", "--to=-").expect().out
    assert "inv db.backup" in page
    assert project.sops("staging", "DATABASE_PASSWORD") not in page
    assert project.git("status", "--porcelain") == ""


def test_restore_in_a_drill_and_for_real_and_its_way_back(
    three: Rig, project: Checkout, follow: Follow
) -> None:
    ada = Visitor(three.url("m1"))
    ada.sign_up()
    project.inv("db.backup", STAGING).expect()
    follow("restore-drill")
    late = Visitor(three.url("m1"))
    late.sign_up()
    follow("restore")
    ada.sign_in()
    with pytest.raises(AssertionError):
        late.sign_in()
    follow("restore", "--section=roll-back")
    late.sign_in()


def test_migrate_and_its_way_back(three: Rig, clone: Checkout, follow: Follow) -> None:
    clone.path("compose/migrations/20310202000000_tides.sql").write_text(
        "-- migrate:up\nCREATE TABLE tides (id int PRIMARY KEY);\n"
        "-- migrate:down\nDROP TABLE tides;\n"
    )
    clone.commit("Tides")
    clone.inv("db.status", STAGING, "--check").expect(5)
    follow("migrate")
    clone.inv("db.status", STAGING, "--check").expect()
    follow("migrate", "--section=roll-back", "--set=steps=1")
    clone.inv("db.query", STAGING, "--sql=select count(*) from tides").expect(1)


def test_reset_the_database_and_its_way_back(three: Rig, project: Checkout, follow: Follow) -> None:
    ada = Visitor(three.url("m1"))
    ada.sign_up()
    follow("reset-database")
    with pytest.raises(AssertionError):
        ada.sign_in()
    follow("reset-database", "--section=roll-back")
    ada.sign_in()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("incident", ()),
        ("disk-full", ("--set=name=m1", "--set=most=99")),
        ("docker-commands", ("--set=name=m1",)),
        ("secrets", ()),
        ("runbooks", ()),
    ],
)
def test_what_only_looks_and_tidies_changes_no_release(
    three: Rig, follow: Follow, name: str, words: tuple[str, ...]
) -> None:
    before = serving(three)
    follow(name, *words)
    assert serving(three) == before


def test_scale_and_its_way_back(three: Rig, clone: Checkout, follow: Follow) -> None:
    before = replicas(three, "worker")
    one, two = (f"worker: {{deploy: {{replicas: {n}}}}}" for n in (before, before + 1))
    clone.replace("compose/compose.staging.yml", one, two)
    clone.commit("One worker more")
    follow("scale", "--set=service=worker")
    assert replicas(three, "worker") == before + 1
    follow("scale", "--section=roll-back")
    assert replicas(three, "worker") == before


def replicas(three: Rig, service: str) -> int:
    return sum(f"_{service}-" in name for name in three.replicas())


def test_a_new_secret_is_in_use_everywhere(three: Rig, project: Checkout, follow: Follow) -> None:
    """Not in a clone that is brought back: the database would keep the new password."""
    ada = Visitor(three.url("m1"))
    ada.sign_up()
    before = project.sops("staging", "DATABASE_PASSWORD")
    follow("rotate-secrets", "--set=secret=DATABASE_PASSWORD")
    after = project.sops("staging", "DATABASE_PASSWORD")
    assert after != before
    ada.sign_in()
    assert not any(word in each.text for each in project.said for word in (before, after))


def test_a_teammate_is_let_in_and_out_again(
    three: Rig, clone: Checkout, follow: Follow, tmp_path: Path
) -> None:
    keys = Keys.make(tmp_path)
    given = (f"--set=age-key={keys.age}", f"--set=ssh-key={keys.ssh}")
    own, (_, body, _) = Keys.public(clone.home / "age" / "keys.txt"), keys.ssh.split()
    clone.replace(".sops.yaml", f"[{own}]", f"[{own}, {keys.age}]")
    follow("teammate", "--set=change=joins", *given)
    assert body in three.on("m2", "sh", "-c", "cat /home/*/.ssh/authorized_keys")
    assert keys.age in clone.path("secrets/staging.sops.yaml").read_text()
    clone.replace(".sops.yaml", f", {keys.age}]", "]")
    follow("teammate", "--set=change=leaves", *given)
    assert body not in three.on("m2", "sh", "-c", "cat /home/*/.ssh/authorized_keys")
    assert keys.age not in clone.path("secrets/staging.sops.yaml").read_text()


@dataclass(frozen=True)
class Keys:
    """The public halves of a new colleague's keys."""

    age: str
    ssh: str

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        age, ssh = folder / "age.txt", folder / "ssh"
        subprocess.run(["age-keygen", "-o", age], check=True, capture_output=True)
        made = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", str(ssh)]
        subprocess.run(made, check=True)
        return cls(cls.public(age), ssh.with_suffix(".pub").read_text().strip())

    @staticmethod
    def public(path: Path) -> str:
        done = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True)
        return done.stdout.decode().strip()
