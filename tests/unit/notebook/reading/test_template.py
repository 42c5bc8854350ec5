"""A new runbook: it is one from its first minute, and nothing is ever written over."""

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from slipway.errors import Refused, SlipwayError, UsageError
from slipway.notebook.checking import links
from slipway.notebook.commands import Commands, Flag
from slipway.notebook.document import SECTIONS, Heading
from slipway.notebook.reading import parse, template


class FewCommands(Commands):
    """Two tasks, one of which takes flags."""

    def tasks(self) -> Mapping[str, str]:
        return {"deploy": "", "db.restore": ""}

    def flags(self, task: str) -> Sequence[Flag]:
        if task != "db.restore":
            return ()
        return (Flag("env"), Flag("backup-id", is_required=True), Flag("into"))

    def complaint(self, words: Sequence[str]) -> str | None:
        return None


COMMANDS = FewCommands()


@pytest.mark.parametrize("task", ["", "deploy", "db.restore"])
def test_a_new_runbook_has_every_section_and_no_problem(task: str, tmp_path: Path) -> None:
    path = template.write("rotate-keys", task, COMMANDS, tmp_path)
    runbook, problems = parse.read(path)
    assert problems + links.check(path, runbook.text) == []
    assert (runbook.title, runbook.matter.tasks) == ("Rotate keys", (task,) if task else ())
    found = {each.section for each in runbook.blocks if isinstance(each, Heading)}
    assert found >= set(SECTIONS.values())


def test_its_command_takes_what_the_task_asks_for(tmp_path: Path) -> None:
    runbook, _ = parse.read(template.write("restore", "db.restore", COMMANDS, tmp_path))
    step = next(runbook.cells("steps"))
    assert step.source == 'inv db.restore --env="$ENV" --backup-id="$BACKUP_ID"\n'
    assert "`--into`" in runbook.text


def test_nothing_passes_before_its_author_has_said_what_proves_it(tmp_path: Path) -> None:
    runbook, _ = parse.read(template.write("try", "deploy", COMMANDS, tmp_path))
    assert [each.source.split()[-1] for each in runbook.cells("verify")] == ["false"]


def test_what_exists_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "deploy.md").write_text("mine")
    with pytest.raises(Refused, match=r"deploy\.md exists already"):
        template.write("deploy", "", COMMANDS, tmp_path)
    assert (tmp_path / "deploy.md").read_text() == "mine"


def test_a_folder_that_cannot_be_written_to_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runbooks").write_text("mine")
    with pytest.raises(Refused, match="runbooks is there and no folder"):
        template.write("deploy", "", COMMANDS, tmp_path / "runbooks")

    def refuse(*_: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "open", refuse)  # root, who may run this, is never refused
    with pytest.raises(SlipwayError, match=r"deploy\.md cannot be written: Permission denied"):
        template.write("deploy", "", COMMANDS, tmp_path)


@pytest.mark.parametrize(
    "name",
    ["", "../x", "Rotate keys", "a/b", "a--b", "-a", "a\n", "README", "a" * 51, "é", "1a", "a.md"],
)
def test_a_name_is_lower_case_words_with_dashes(name: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="must be lower-case words"):
        template.write(name, "", COMMANDS, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_task_is_named_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as error:
        template.write("try", "deplyo", COMMANDS, tmp_path)
    assert str(error.value) == 'there is no task "deplyo" (did you mean "deploy"?)'
