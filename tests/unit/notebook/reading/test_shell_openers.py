"""What a reader types into another shell does not run on this computer."""

from pathlib import Path

import pytest

from slipway.notebook.document import Cell
from slipway.notebook.reading import parse, shell_openers, typed


def cell(source: str, *, native: bool = False) -> Cell:
    text = f"# T\n\n```bash\n{source}\n```\n"
    (only,) = parse.parse(text, Path("theirs.md"), native=native)[0].cells()
    return only


@pytest.mark.parametrize(
    "command",
    [
        *("ssh m1", "ssh -i key -p 22 root@m1", "sudo -i", "sudo su -", "su - postgres", "bash"),
        *("oc debug node/<node>", "oc rsh -n ceph <pod>", "kubectl -n a exec -it b -- /bin/bash"),
        *("docker exec -it db sh", "docker run --rm -it debian bash", "chroot /host"),
        "oc debug node/m1 -- chroot /host bash",
    ],
)
def test_what_stands_below_a_command_that_opens_a_shell_is_typed_there(command: str) -> None:
    looked = cell(f"date\n{command}\n# look\nrm -rf /var/tmp/x")
    assert shell_openers.opening_line(looked) == 2
    assert "rm -rf" not in shell_openers.part_that_runs(looked).source
    assert [runs for _, runs in typed.lines_as_shown(looked)] == [True, True, False, False]


@pytest.mark.parametrize(
    "command",
    [
        *("ssh m1 uptime", "ssh -o A=b m1 'df -h'", "sudo systemctl stop x", "su -c id postgres"),
        *("oc debug node/m1 -- df -h", "kubectl exec -it b -- psql -c 'select 1'", "bash x.sh"),
        *("oc get pods", "docker run --rm debian date", "echo ssh m1", "chroot /host date"),
    ],
)
def test_what_stands_below_any_other_command_runs(command: str) -> None:
    looked = cell(f"{command}\nrm -rf /var/tmp/x")
    assert shell_openers.part_that_runs(looked) == looked


def test_the_last_command_may_open_one_and_in_our_own_runbooks_nothing_is_guessed() -> None:
    assert not shell_openers.opening_line(cell("date\nssh m1\n# and look around"))
    assert not shell_openers.opening_line(cell("ssh m1\ndate", native=True))
