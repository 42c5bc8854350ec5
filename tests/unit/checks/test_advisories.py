"""Published faults of locked packages are named; where nobody can be asked, that is said."""

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from slipway.checks import advisories
from slipway.errors import SlipwayError
from tests.fakes.host import FakeHost

AUDIT = str(Path(sys.executable).with_name("pip-audit"))
FAULT = {"id": "PYSEC-2026-1", "fix_versions": ["2.1", "3.0"], "description": "…"}
SOUND = {"name": "invoke", "version": "2.2.1", "vulns": []}
FAULTY = {"name": "old", "version": "2.0", "vulns": [FAULT]}
UNKNOWN = {"name": "invoke", "skip_reason": "Dependency not found"}


def index(*entries: object) -> FakeHost:
    """An index that answers so for every list."""
    return FakeHost().answers(AUDIT, out=json.dumps({"dependencies": entries, "fixes": []}), code=1)


@pytest.mark.parametrize(
    ("entries", "code", "printed"),
    [
        ([SOUND, FAULTY], 1, "old 2.0: PYSEC-2026-1, mended in 2.1, 3.0\n"),
        ([SOUND, UNKNOWN], 1, "invoke: nothing is known: Dependency not found\n"),
        ([SOUND], 0, "1 packages: no published fault\n"),
    ],
    ids=["a fault", "a gap", "none"],
)
def test_a_fault_and_a_gap_are_named_and_fail(
    entries: Sequence[object], code: int, printed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert advisories.main(index(*entries)) == code
    assert capsys.readouterr().out == printed


def test_an_index_that_knows_no_fault_of_anything_is_no_proof() -> None:
    assert advisories.why_not(index(FAULTY)) == ""
    assert "tells nothing of published faults: Dependency not f" in advisories.why_not(
        index(UNKNOWN)
    )
    assert "knows none of an old package" in advisories.why_not(index(SOUND))
    silent = FakeHost().answers(AUDIT, err="ConnectionError: no route\n", code=1)
    assert advisories.why_not(silent) == "pip-audit gave no answer: ConnectionError: no route"
    with pytest.raises(SlipwayError, match="no answer"):
        advisories.main(silent)


def test_every_list_of_packages_is_asked_about() -> None:
    host = index(SOUND)
    advisories.main(host)
    (argv,) = (each.argv for each in host.asked)
    lists = {Path(word).name for word in argv if word.endswith((".lock", ".txt"))}
    assert lists == {"requirements.lock", "requirements-dev.lock", "requirements.txt"}
    assert sum(word.endswith("requirements.txt") for word in argv) == 4
