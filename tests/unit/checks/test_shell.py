"""Lint reads every shell script, whatever it is called."""

from pathlib import Path

from slipway.checks import shell
from slipway.hosts.local import LocalHost


def test_scripts_are_known_by_their_ending_or_their_first_line(tmp_path: Path) -> None:
    LocalHost(cwd=tmp_path).run(["git", "init", "-q"])
    (tmp_path / "part.sh").write_text("echo part\n")
    (tmp_path / "program").write_text("#!/bin/sh -eu\necho program\n")
    (tmp_path / "page.md").write_text("A script begins with #!/bin/sh\n")
    (tmp_path / "tool").write_text("#!/usr/bin/env python3\n")
    (tmp_path / "ignored.sh").write_text("echo ignored\n")
    (tmp_path / ".gitignore").write_text("ignored.sh\n")
    assert sorted(map(str, shell.scripts(tmp_path))) == ["part.sh", "program"]
