"""Keys on machines: which are there, who is missing, and a change that locks nobody out."""

import getpass
import os
from pathlib import Path

import pytest

from slipway.hosts.host import CommandResult
from slipway.hosts.local import LocalHost
from slipway.team import machine_keys
from slipway.team.machine_keys import KeyThere
from slipway.team.member import Member, Team
from tests.fakes.team_project import SSH

ADA, BOB = SSH["ada"], SSH["bob"]
USER = getpass.getuser()


class Accounts:
    """Two accounts of a machine: the one that the kit logs in as, and another one."""

    def __init__(self, root: Path) -> None:
        self.root = root
        lines = [f"{USER}:x:0:0::{self.home(USER)}:/bin/sh", f"x:x:1:1::{self.home('x')}:/bin/sh"]
        program = root / "bin" / "getent"
        program.parent.mkdir()
        cases = "\n".join(f"""    {line.split(":")[0]}) echo '{line}'; exit ;;""" for line in lines)
        program.write_text(
            f'#!/bin/sh\ncase "$2" in\n{cases}\nesac\n' + "".join(f"echo '{e}'\n" for e in lines)
        )
        program.chmod(0o755)

    def home(self, user: str) -> Path:
        return self.root / "home" / user

    def keys(self, user: str) -> Path:
        return self.home(user) / ".ssh/authorized_keys"

    def holds(self, user: str, *lines: str, end: str = "\n") -> None:
        path = self.keys(user)
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(lines) + end)
        path.chmod(0o600)

    def run(self, script: str, stdin: str = "") -> CommandResult:
        environ = os.environ | {"PATH": f"{self.root}/bin:{os.environ['PATH']}"}
        argv = ["sh", "-euc", script, "sh", USER]
        return LocalHost(env=environ).run(argv, stdin=stdin.encode(), check=False)

    def change(self, *lines: str) -> CommandResult:
        return self.run(machine_keys.CHANGE, "".join(f"{line}\n" for line in lines))


@pytest.fixture
def accounts(tmp_path: Path) -> Accounts:
    return Accounts(tmp_path)


def test_who_opens_a_machine_is_read_with_options_and_comments(accounts: Accounts) -> None:
    accounts.holds(USER, "# ours", f"{ADA} ada@laptop", f'from="10.0.0.1",no-pty {BOB} bob b')
    accounts.holds("x", BOB, end="")
    assert machine_keys.parse(accounts.run(machine_keys.LOOK).out) == [
        KeyThere(USER, ADA, "ada@laptop"),
        KeyThere(USER, BOB, "bob b"),
        KeyThere("x", BOB),
    ]


def test_one_comes_and_another_leaves_every_account_and_the_rest_stays(accounts: Accounts) -> None:
    accounts.holds(USER, "# ours", BOB, end="")
    accounts.holds("x", f"no-pty {BOB} bob", "# end")
    done = accounts.change(f"+ {ADA} ada", f"- {BOB.split()[1]}")
    assert done.code == 0, done.err
    assert accounts.keys(USER).read_text() == f"# ours\n{ADA} ada\n"
    assert accounts.keys("x").read_text() == "# end\n"
    assert accounts.keys(USER).stat().st_mode & 0o777 == 0o600
    assert accounts.change(f"+ {ADA} ada", f"- {BOB.split()[1]}").out == ""  # once more: nothing
    assert [each.name for each in accounts.keys(USER).parent.iterdir()] == ["authorized_keys"]


def test_the_last_key_of_the_kits_own_account_stays(accounts: Accounts) -> None:
    accounts.holds(USER, BOB)
    done = accounts.change(f"- {BOB.split()[1]}")
    assert done.code == 1 and "nobody could enter" in done.err
    assert accounts.keys(USER).read_text() == f"{BOB}\n"


def test_an_account_without_any_key_gets_its_first(accounts: Accounts) -> None:
    accounts.home(USER).mkdir(parents=True)
    assert accounts.change(f"+ {ADA} ada").code == 0
    assert accounts.keys(USER).read_text() == f"{ADA} ada\n"


def test_who_is_missing_and_who_is_a_stranger_is_told_apart() -> None:
    team = Team(
        (
            Member("ada", ("prod",), ssh=(f"{ADA} ada",)),
            Member("bob", ("staging",), ssh=(BOB,)),
            Member("eve", ("prod",), "reader", ssh=("ssh-rsa AAAA",)),
        )
    )
    there = [KeyThere("root", BOB, "bob")]
    assert machine_keys.differences("prod", team, there) == (["ada"], there)
    assert machine_keys.differences("prod", team, [KeyThere("root", ADA)], [BOB]) == ([], [])
