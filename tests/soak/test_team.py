"""Somebody of the team joins and leaves three machines, by the runbooks."""

import subprocess
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import rig
from tests.e2e.checkout import Checkout
from tests.e2e.rig import Rig
from tests.soak.rows import Rows

MINUTES = 60
SURE = ("--env=staging", "--yes", "--yes-destroy=staging", "--manual-done")


@dataclass(frozen=True)
class Keys:
    """The public halves of a new colleague's keys."""

    age: str
    ssh: str

    @property
    def body(self) -> str:
        return self.ssh.split()[1]

    @classmethod
    def make(cls, folder: Path) -> "Keys":
        age, ssh = folder / "age.txt", folder / "ssh"
        subprocess.run(["age-keygen", "-o", age], check=True, capture_output=True)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "bob", "-f", str(ssh)]
        subprocess.run(argv, check=True)
        done = subprocess.run(["age-keygen", "-y", age], check=True, capture_output=True, text=True)
        return cls(done.stdout.strip(), ssh.with_suffix(".pub").read_text().strip())


def authorized(three: Rig, name: str) -> str:
    return three.on(name, "sh", "-c", "cat /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys")


def join_token(three: Rig, name: str) -> str:
    return three.on(name, "docker", "swarm", "join-token", "--quiet", "worker")


def test_who_leaves_enters_no_machine_joins_none_and_is_told_of_until_all_is_another(
    project: Checkout, rows: Rows, tmp_path: Path
) -> None:
    project.borrow_packages()
    three = rig.build(project)
    keys = Keys.make(tmp_path)
    project.inv("secrets.create", "--env=staging").expect()
    project.inv("team.start").expect()
    project.commit("Begin the team")
    project.inv("team.check").expect()

    def follow(name: str, *words: str) -> float:
        words = (f"--name={name}", *SURE, "--set=name=bob", *words)
        return project.inv("runbook.run", *words, timeout=10 * MINUTES).expect().seconds

    with rows.measure("a teammate joins and leaves", "three machines, by the runbooks") as row:
        public = (f"--set=age-key={keys.age}", f"--set=ssh-key={keys.ssh}")
        joined = follow("joining", "--set=environments=staging", *public)
        tokens = {name: join_token(three, name) for name in three.ports}
        for name in three.ports:
            text = f"mkdir -p /root/.ssh; echo '{keys.ssh}' >>/root/.ssh/authorized_keys"
            three.on(name, "sh", "-c", text)
            assert authorized(three, name).count(keys.body) == 2
        assert keys.age in project.path("secrets/staging.sops.yaml").read_text()

        left = follow("leaving")
        assert keys.age not in project.path("secrets/staging.sops.yaml").read_text()
        for name in three.ports:
            assert keys.body not in authorized(three, name)
            assert join_token(three, name) != tokens[name]
        red = project.inv("team.check").expect(5).text
        assert "bob knows DATABASE_PASSWORD" in red and "m1" not in red
        project.inv("team.remove", "--name=bob", "--yes=bob").expect()  # nothing is left to do
        row.amount = "3 machines"
        row.result = (
            f"joined in {joined:.0f} s, left in {left:.0f} s; no key, no token, no data key"
        )
