"""restic as it is asked and heard: which versions do, how far it is, what a killed drill leaves."""

from pathlib import Path

import pytest

from slipway.errors import Refused
from slipway.files import restic, restore


@pytest.mark.parametrize("version", ["restic 0.18.0 compiled with go1.24.4", "restic 1.2.3-dev x"])
def test_a_restic_that_has_what_is_asked_of_it_will_do(version: str) -> None:
    restic.refuse_old(version)


@pytest.mark.parametrize(
    "version", ["restic 0.14.0 compiled with go1.19.8", "", "no restic\x1b[2J"]
)
def test_an_older_one_is_refused_in_one_line_with_what_to_do(version: str) -> None:
    with pytest.raises(Refused, match=r"restic 0\.18 or newer.*compose/ops/Dockerfile") as failure:
        restic.refuse_old(version)
    assert str(failure.value).isprintable()


def test_what_a_killed_drill_has_left_goes_with_the_next(tmp_path: Path) -> None:
    (tmp_path / "drill-killed" / "volumes").mkdir(parents=True)
    (tmp_path / "repository").mkdir()
    with restore.scratch(tmp_path) as folder:
        assert [*tmp_path.glob("drill-*")] == [folder]
    assert [*tmp_path.iterdir()] == [tmp_path / "repository"]
