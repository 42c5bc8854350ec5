"""docs/soak.md keeps what the other files of soak tests measured before."""

from pathlib import Path

from tests.soak import rows
from tests.soak.rows import Row


def test_a_run_of_one_file_replaces_its_own_section_alone(tmp_path: Path) -> None:
    page = tmp_path / "soak.md"
    rows.write("test_deploys", "Many deploys.", [Row("deploys", "50", "**failed**: old")], page)
    rows.write("test_warm", "Returns.", [Row("returns", "20", "0 of 9 failed")], page)
    rows.write("test_deploys", "Many deploys.", [Row("deploys", "60", "0 of 8 failed", 2.4)], page)
    text = page.read_text()
    assert text.startswith(rows.HEAD)
    assert "| deploys | 60 | 2 | 0 of 8 failed |" in text
    assert "| returns | 20 | 0 | 0 of 9 failed |" in text
    assert "old" not in text
