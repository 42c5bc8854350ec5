"""Programs that run as children: they live as long as their parent, and no longer."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from slipway.database import processes

PARENT = """
import sys
from slipway.database import processes
with processes.started(["sh", "-c", "echo $$; exec sleep 60"], stdout=1):
    sys.stdin.read()
"""


def test_a_child_runs_with_its_input_output_and_exit_code() -> None:
    with processes.started(["sh", "-c", "echo out; exit 7"], stdout=subprocess.PIPE) as child:
        assert child.communicate(timeout=20)[0] == b"out\n"
    assert child.returncode == 7


def test_the_child_of_a_parent_that_is_killed_ends_with_it() -> None:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdin is not None and parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)
    parent.send_signal(signal.SIGKILL)
    assert parent.stdout.read() == ""  # the child held the other end
    parent.wait(20)


def test_a_child_whose_parent_was_gone_before_it_began_does_nothing(tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    argv = processes.bound_to(os.getpid() + 1, ["touch", str(begun)])
    assert subprocess.run(argv, check=False).returncode != 0
    assert not begun.exists()
    subprocess.run(processes.bound_to(os.getpid(), ["touch", str(begun)]), check=True)
    assert begun.exists()
