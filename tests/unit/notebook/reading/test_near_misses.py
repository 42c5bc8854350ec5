"""Every typing mistake is reported by its line, with what would be right, all in one pass."""

from pathlib import Path

import pytest

from slipway.notebook.document import ManualStep
from slipway.notebook.problem import Problem
from slipway.notebook.reading import parse
from slipway.project import ROOT

HERE = ROOT / "runbooks" / "try.md"


def complaints(text: str) -> list[str]:
    """Every error in a text as `12: what`."""
    _, problems = parse.parse(text, HERE)
    assert all(each.file == "runbooks/try.md" for each in problems)
    return [f"{each.line}: {each.text}" for each in problems if each.severity == "error"]


def has(text: str, complaint: str) -> None:
    found = complaints(text)
    assert any(each.startswith(complaint) for each in found), found


@pytest.mark.parametrize(
    ("info", "complaint"),
    [
        ("", "a fence without a language: write ```sh to run it, ```console or ```text to show it"),
        ("sh{check}", "add a space before the brace: sh {check}"),
        ("{.sh check}", "the language comes first: ```sh {...}"),
        ("sh check", "attributes stand in braces: sh {check}"),
        ("sh {check", "the brace is never closed: end the line with }"),
        ("sh {check} x", "nothing may follow the closing brace: x"),
        (
            'sh {confirm="${ENV}?"}',
            "a } ends the braces, so it cannot stand in a value: write $ENV for ${ENV}",
        ),
        ('sh {confirm="a}', "a quote is never closed"),
        ("sh {tymeout=5m}", 'unknown attribute "tymeout" (did you mean "timeout"?)'),
        ("sh {check, skip}", 'unknown attribute "check," (did you mean "check"?)'),
        ("sh {timeout=5m timeout=6m}", "timeout is given twice"),
        ("sh {timeout=5}", "timeout=5 is not a duration: write 5m, 500ms, 5m, 2h"),
        ("sh {timeout=5 parsecs}", 'unknown attribute "parsecs"'),
        ("sh {timeout=0s}", "timeout=0s must be more than 0 and at most 168h"),
        ("sh {timeout}", "timeout needs a value: timeout=5m"),
        ("sh {check=yes}", "check takes no value: write check alone"),
        ("sh {confirm=}", 'confirm= asks nothing: write confirm, or confirm="..."'),
        ("sh {check retry=many}", "retry=many must be a number from 1 to 999"),
        ("sh {name=Ship}", "name=Ship must be lower-case letters"),
        ("sh {capture=$OLD}", "capture=$OLD is not a variable: write capture=OLD, without $"),
        ("sh {capture=PATH}", "capture=PATH would overwrite a variable that the run needs"),
        ("sh {retry=3}", "retry is for checks: add check, or remove retry"),
        ("sh {every=3s}", "every goes with retry"),
        ("sh {check confirm}", "a check only looks, so it needs no confirmation"),
        ("sh {destructive check}", "a check only looks, so it cannot be destructive"),
        ("sh {interactive capture=A}", "an interactive cell has no output to capture"),
        ("console {skip}", "console is never run, so braces after it mean nothing"),
        ("py", "py is shown and never run: write python to run it, or text"),
    ],
)
def test_after_the_mark_of_a_fence(info: str, complaint: str) -> None:
    has(f"# T\n\n```{info}\ntrue\n```\n", f"3: {complaint}")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "```sh\ntrue\n",
            "3: this fence is never closed: end it with a line of ```, indented as its beginning",
        ),
        ("- a\n  ```sh\n  true\n```\n", "4: this fence is never closed"),
        ("> ```sh\n> true\n", "3: this fence is never closed"),
        (
            "```sh\na\n\nprose\n\n```sh\nb\n```\n",
            "8: the fence of line 3 continues here: close it with ``` before",
        ),
        (
            "## Verify\n\n```sh {confirm}\ntrue\n```\n",
            "5: a check only looks, so it needs no confirmation",
        ),
        ("```sh\n \n```\n", "3: this cell is empty"),
        ("```sh\ntrue\nrm \u202e x\n```\n", "5: U+202E cannot be seen here: remove it"),
        ("```sh\ntrue \x00\n```\n", "4: U+0000 cannot be seen here: remove it"),
        (
            "```sh {name=a}\ntrue\n```\n## B\n\n```sh {name=a}\ntrue\n```\n",
            "8: name=a is taken by line 3: choose another",
        ),
        (
            "```sh {name=b}\ntrue\n```\n## B\n",
            "3: name=b is the anchor of a heading: choose another",
        ),
        ("```sh {when=`x`}\ntrue\n", "3: this line opens no fence"),
        ("text\n    ```sh\n    true\n    ```\n", "4: this line opens no fence"),
        (
            "- [ ] a\n\n      ```sh\n      true\n      ```\n",
            "5: indented by four, this fence is shown and never run",
        ),
        ("<details>\n```sh\ntrue\n```\n</details>\n", "4: a fence in HTML is not seen"),
        (
            "<!-- later\n\n```sh\ntrue\n```\n\n## Roll back\n",
            "3: this comment is never closed, and hides all that follows: end it with -->",
        ),
        ("- <!-- later\n\n  - [ ] a\n", "3: this comment is never closed"),
        (
            "<!-- a\n\n```sh\ntrue\n```\n\n<!-- b -->\n",
            "9: the comment of line 3 continues here: end it with --> before",
        ),
        ("- [] a\n", "3: a step by hand is written - [ ] and then its text"),
        ("- [ ]a\n", "3: a step by hand is written - [ ] and then its text"),
        ("- [ ]\n", "3: a step by hand is written - [ ] and then its text"),
        ("> [!DANGER]\n> a\n", "3: there is no alert [!DANGER], but [!NOTE], [!TIP]"),
        ("> [!NOTE] a\n", "3: [!NOTE] stands alone on its line, the text below it"),
        ("- > [!NOTE]\n  > a\n", "3: an alert in a list is drawn as a plain quote: move it out"),
        (
            "## Rollback\n",
            '3: "Rollback" is not a section of a runbook (did you mean "Roll back"?)',
        ),
        ("### Roll back\n", '3: "Roll back" means something only at level 2: write ## Roll back'),
    ],
)
def test_on_a_page(text: str, complaint: str) -> None:
    has(f"# T\n\n{text}", complaint)


@pytest.mark.parametrize(
    ("matter", "complaint"),
    [
        (
            "task: a\nowner: @ops",
            (
                "3: the front matter is not YAML: found character '@' that cannot start any token"
                ' (put quotes around the value: "@ops")'
            ),
        ),
        ("task: [a", "2: the front matter is not YAML"),
        ("task: a\nownr: b", '3: the front matter has no "ownr" (did you mean "owner"?)'),
        ("task: a\ntask: b", '3: "task" stands twice in the front matter'),
        ("- a", "2: the front matter must be lines of key: value"),
        ("a: &x b\nc: *x", "2: anchors and aliases are not understood here"),
        ("task: inv deploy", '2: task names tasks as inv --list does, not "inv deploy"'),
        ("task: {a: b}", "2: task must be a text or a list of texts"),
        ("owner: [a]", "2: owner must be a text"),
        ("risk: hihg", '2: risk is low, medium or high, not "hihg" (did you mean "high"?)'),
        ("last_tested: 2026-13-01", '2: last_tested is a date like 2026-11-01, not "2026-13-01"'),
        (
            "params:\n  my-tag: {}",
            '3: the parameter "my-tag" must be in capital letters, like MY_TAG',
        ),
        ("params:\n  PATH: {}", "3: PATH is set by the run itself"),
        ("params:\n  A: {hlep: b}", '3: A has no "hlep" (did you mean "help"?)'),
        (
            "params:\n  A: {choices: [x, y], default: z}",
            "3: the default of A is none of its choices",
        ),
        ("params:\n  A: {pattern: '('}", "3: pattern of A is not a regular expression"),
        ("params:\n  A: {optional: maybe}", "3: optional of A is true or false"),
    ],
)
def test_in_front_matter(matter: str, complaint: str) -> None:
    has(f"---\n{matter}\n---\n# T\n", complaint)


def test_around_front_matter() -> None:
    has("---\ntask: a\n", "1: the front matter is never closed: end it with a line of ---")
    has("\n---\ntask: a\n---\n# T\n", "2: front matter begins on the first line")


def test_a_box_ticked_in_the_file_is_asked_for_all_the_same() -> None:
    runbook, problems = parse.parse("# T\n\n- [x] Tell them\n", HERE)
    assert [each.text for each in runbook.actions() if isinstance(each, ManualStep)] == [
        "Tell them"
    ]
    assert [str(each) for each in problems] == [
        "runbooks/try.md:3: warning: this box is ticked in the file: every run ticks its own"
    ]


def test_all_problems_come_at_once_and_sorted() -> None:
    found = complaints("---\nrisk: x\n---\n# T\n\n```\na\n```\n\n```sh {a b}\n")
    assert [each.partition(":")[0] for each in found] == ["2", "6", "10", "10", "10", "10"]


def test_bytes_that_are_no_text_are_named_by_line(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_bytes(b"# T\r\n\r\ncaf\xe9\r\n")
    _, problems = parse.read(path)
    assert problems == [Problem(str(path), 3, "the byte 0xe9 is not UTF-8: save the file as UTF-8")]
