"""Several commands of a machine in one round trip: each has its own answer, whatever it prints."""

import time

import pytest

from slipway.errors import CommandFailed
from slipway.hosts import batch
from slipway.hosts.local import LocalHost

HERE = LocalHost("here")


def shell(text: str, *words: str) -> list[str]:
    return ["sh", "-euc", text, "sh", *words]


def test_each_command_of_a_batch_has_its_own_output_errors_and_code() -> None:
    well, silent, failed = batch.run(
        HERE,
        [
            shell('echo "$1"; printf "0 out no line of the other\\nlast" ', "it's\n1 end 7"),
            ["true"],
            shell("echo lost >&2; cat; exit 3"),
        ],
    )
    assert well.out == "it's\n1 end 7\n0 out no line of the other\nlast\n"
    assert (well.code, well.err, silent.code, silent.out) == (0, "", 0, "")
    assert (failed.host, failed.code, failed.err, failed.out) == ("here", 3, "lost\n", "")
    with pytest.raises(CommandFailed, match="ended with 3: lost"):
        failed.check()


def test_commands_of_a_batch_run_at_once_and_end_with_it() -> None:
    began = time.monotonic()
    assert [each.code for each in batch.run(HERE, [["sleep", "1"]] * 8)] == [0] * 8
    assert time.monotonic() - began < 6
    with pytest.raises(CommandFailed, match="no end after 1 s"):
        batch.run(HERE, [["sleep", "60"], ["true"]], timeout=1)
