"""What a run leaves behind to be read: complete, true, and harmless on GitHub."""

import re
import stat
import tracemalloc
from pathlib import Path

import cmarkgfm  # type: ignore[import-untyped]
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.reading import markup
from slipway.notebook.records import record
from slipway.notebook.transcripts import attempts, export, transcript
from slipway.notebook.transcripts.ansi import plain, visible
from slipway.show import transcripts
from tests.fakes import example_runs
from tests.fakes.example_runs import ExampleRun

BOOK = """\
# Move it

## Look

```sh
look
```

## Move

1. First this:

   ```sh {timeout=2s}
   move one
   ```

2. Then that:

   ```sh {confirm}
   move two
   ```

- [ ] Ring the bell

## Roll back

```sh
move back
```
"""


def told(run: ExampleRun) -> str:
    return transcript.write(run.folder).read_text()


def on_github(text: str) -> str:
    return str(cmarkgfm.github_flavored_markdown_to_html(text))


@pytest.fixture
def run(tmp_path: Path) -> ExampleRun:
    return ExampleRun(tmp_path, BOOK, runbook="move")


def test_every_cell_is_followed_by_what_it_printed_and_how_it_ended(tmp_path: Path) -> None:
    text = transcript.write(example_runs.deploy(tmp_path)).read_text()
    order = [
        "| Result | done |",
        "| Took | 5 min 33 s, of it 3 min 7 s in cells |",
        "inv db.backup --env=$ENV",
        "> ✓ passed after 11 s, exit code 0, confirmed by anna, 19:30:52 UTC",
        "212 MiB in 9.6 s, decoded",
        "> ✗ failed after 1 min 14 s, exit code 1, confirmed by anna, 19:31:20 UTC",
        "error: web-3: no space left on device",
        "> · anna opened a shell at deploy",
        "> ✓ attempt 2 passed after 1 min 36 s",
        "> ✓ attempt 3 passed after 0.3 s",
        "> · not run",
        "- [x] Tell #ops that it is done",
        "  > ✓ done by anna, 19:35:32 UTC",
        "- [ ] Close the change in the calendar",
        "  > » skipped by anna: there is no change for staging",
    ]
    places = [
        text.index(each, text.index("\n---\n") if i > 1 else 0) for i, each in enumerate(order)
    ]
    assert places == sorted(places)
    assert "\x1b" not in text


def test_the_head_says_who_where_from_what_and_with_what(run: ExampleRun) -> None:
    run.finish()
    text = told(run)
    for each in (
        "staging",
        "anna",
        "anna-laptop",
        "b3250d9c0ffe on main",
        "2026-11-22 19:30:04 UTC",
    ):
        assert each in text.split("---\n\n")[0]
    dirty = ExampleRun(run.folder.parent, BOOK, runbook="other", dirty=True, params={"TAG": "a|b"})
    dirty.finish()
    assert "with changes that were not committed" in told(dirty)
    assert r"TAG=a\|b" in told(dirty)


def test_a_no_is_recorded_with_its_person_and_the_number_of_the_cell(run: ExampleRun) -> None:
    run.cell("look")
    run.event("decline", cell="move-1", by="alice")
    run.finish("stopped", "move-1")
    text = told(run)
    assert "declined by alice at cell 3 (move-1)" in text
    assert "| Result | stopped by a person at move-1 |" in text


def test_what_went_wrong_is_called_by_its_name(run: ExampleRun) -> None:
    run.cell("look", outcome="interrupted", code=None, seconds=3)
    run.cell("look", attempt=2)
    run.cell("move", outcome="timed out", code=None, seconds=2.1, by="anna")
    run.event("skip", cell="move", reason="done in the console", by="anna")
    run.start("move-1", by="anna")
    run.wait(4000)
    run.event("resume", user="anna", host="desk", **{"from": "move-1"}, changed=True)
    text = told(run)
    assert "■ interrupted after 3 s," in text
    assert "✗" not in text
    assert "! timed out after 2 s, confirmed by anna" in text
    assert "» skipped by anna: done in the console" in text
    assert "? may have run: nobody saw it end" in text
    assert "resumed by anna on desk from move-1; the runbook had changed since" in text
    assert "| Result | not finished at move-1 |" in text
    assert "in cells; before it was resumed nobody worked for 1 h 6 min |" in text


def test_rolling_back_is_a_part_of_its_own(run: ExampleRun) -> None:
    run.cell("look")
    run.cell("move", "first output\n", outcome="failed", code=2, by="anna")
    run.event("part", section="roll back", reason="move", by="anna")
    run.cell("roll-back", "second output\n", by="anna", section="roll back")
    run.finish("rolled back", "move")
    text = told(run)
    assert "| Result | failed at move, rolled back |" in text
    where = text.index("\n## Roll back")
    assert text.index("went to Roll back by anna, after move", where) < text.index("second output")
    assert "first output" in text[:where]


def test_reports_stay_inside_the_list_that_their_cell_is_in(run: ExampleRun) -> None:
    run.cell("move", "one\n")
    run.cell("move-1", "two\n")
    run.finish()
    page = on_github(told(run))
    listed = page[page.index("<ol>") : page.index("</ol>")]
    assert "one\n</code>" in listed
    assert "two\n</code>" in listed
    assert page.count("<ol>") == 1


def test_a_cell_that_the_runbook_did_not_have_is_not_lost(run: ExampleRun) -> None:
    run.cell("added-since", "something\n")
    run.event("note", text="the wind came up")
    run.finish()
    assert "something" in told(run).split("did not have when the run began")[1]
    assert "the wind came up" in told(run)


def test_a_cell_that_ran_with_another_text_is_not_passed_off_as_this_one(run: ExampleRun) -> None:
    run.cell("look", source="look\n")
    run.cell("move", source="move something else\n")
    run.finish()
    text = told(run)
    assert (
        text.count("ran a changed text, not the one shown here") == 2
    )  # in its place and in the course
    assert "changed text" not in text.split("## Look")[1].split("## Move")[0]


HOSTILE = (
    "```\n# not a heading\n````sh {confirm}\n</code></pre><script>alert(1)</script>\n"
    "<!--\n| a | b |\n\x1b]0;owned\x07\x1b[31mred\x1b[0m \u202eesrever \x00 \x1b]0;never closed\n"
)


def test_output_cannot_leave_its_fence_nor_act_on_a_terminal(run: ExampleRun) -> None:
    run.cell("look", HOSTILE)
    run.event("skip", cell="move", reason="a | b `x` <b>bold</b>\n# head @ops", by="`<i>`")
    run.finish()
    text = told(run)
    page = on_github(text)
    assert "<script" not in page
    assert "<b>" not in page
    assert re.findall("<h1>(.*?)</h1>", page) == [f"Run <code>{run.folder.name}</code>", "Move it"]
    assert all(char.isprintable() or char == "\n" for char in text)
    assert "## Move" in text


@settings(max_examples=60)
@given(st.text())
def test_nothing_invisible_is_left_of_any_text(text: str) -> None:
    for left in (visible(text), plain(text)):
        left.encode()
        assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", left)
    fence, *inside, end = transcript.fenced(visible(text))
    assert end not in "\n".join(inside)
    assert fence.startswith(end)


def test_a_large_log_is_cut_in_the_middle_and_never_held_in_memory(run: ExampleRun) -> None:
    n = run.cell("look")
    line = b"x" * 160 + b"\n"
    with (run.folder / "cells" / f"{n:02}.log").open("wb") as file:
        for _ in range(100):
            file.write(line * 1000)
    run.finish()
    told(run)
    tracemalloc.start()
    text = told(run)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "… 99,800 lines left out, full text in cells/01.log" in text
    assert peak < 4_000_000


def test_the_file_is_for_its_owner_and_holds_no_state(run: ExampleRun) -> None:
    (run.folder / "state").mkdir()
    (run.folder / "state" / "01.sh").write_text("TOKEN=s3cr3t-value")
    run.cell("look", "fine\n")
    run.finish()
    path = transcript.write(run.folder)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "s3cr3t" not in path.read_text()
    assert "s3cr3t" not in export.make(run.folder, html=True)
    names = {each.name for each in run.folder.iterdir()}
    assert names == {"cells", "state", "events.jsonl", "runbook.md", "transcript.md"}


def test_a_run_of_which_only_the_beginning_is_known_can_be_read(run: ExampleRun) -> None:
    assert "| Result | not finished |" in told(run)
    assert "Nothing was done." in told(run)


def test_how_long_something_took_is_said_in_two_units_at_most() -> None:
    spans = {
        0: "0 s",
        0.02: "20 ms",
        0.42: "0.4 s",
        9.97: "10 s",
        2: "2 s",
        59.6: "1 min",
        84: "1 min 24 s",
        3600: "1 h",
    }
    assert {each: attempts.span(each) for each in spans} == spans
    assert attempts.span(2 * 86_400 + 3 * 3_600) == "2 d 3 h"


def test_an_export_replaces_only_what_it_was_told_to(
    run: ExampleRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    run.finish()
    name = run.folder.name
    own = export.target(name, "", html=False)
    assert own == tmp_path / f"{name}.md"
    export.write(own, export.make(run.folder, html=False))
    assert export.target(name, "", html=False) == own
    own.write_text("my notes")
    with pytest.raises(
        UsageError, match="not an export of this run; choose another with --to=FILE"
    ):
        export.target(name, "", html=False)
    page = export.target(name, str(tmp_path), html=True)
    export.write(page, export.make(run.folder, html=True))
    assert export.target(name, "", html=True) == page
    assert export.target(name, "notes.md", html=False) == Path("notes.md")
    export.write(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()
    assert not list(tmp_path.glob(".*.draft"))


def test_a_file_that_cannot_be_an_export_is_one_sentence(tmp_path: Path) -> None:
    loop = tmp_path / "loop.md"
    loop.symlink_to(loop)
    with pytest.raises(SlipwayError, match=r"loop\.md cannot be written: Too many levels"):
        export.write(export.target("run", str(loop), html=False), "text")
    with pytest.raises(SlipwayError, match=r"cannot be written: File name too long; name another"):
        export.target("run", str(tmp_path / ("x" * 300)), html=False)


def test_the_runbook_is_kept_word_for_word(run: ExampleRun) -> None:
    run.cell("look")
    run.finish()
    kept = told(run).split("---\n\n", 1)[1].splitlines()
    wanted = markup.lines(BOOK)
    assert [line for line in wanted if line not in kept] == []
    assert record.read(run.folder)[0].data["runbook"] == "move"


def test_for_a_program_a_run_is_shown_as_the_markdown_that_it_is(
    run: ExampleRun, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run.cell("look", "grün\n")
    run.finish()
    transcripts.show(run.folder)
    assert capfd.readouterr().out == told(run)
    transcripts.export_to(run.folder, "-", html=False)
    assert capfd.readouterr().out == told(run)
    transcripts.export_to(run.folder, str(tmp_path / "run.html"), html=False)
    assert (tmp_path / "run.html").read_text().startswith("<!doctype html>")
    assert str(tmp_path / "run.html") in capfd.readouterr().out


def test_a_transcript_that_is_printed_as_it_is_does_nothing_to_a_terminal(tmp_path: Path) -> None:
    attack = "\x1b]52;c;eA==\x07\x1b[2J\x9b2J\u202eesrever\x08"
    book = f"---\nowner: \"{attack}\"\n---\n# A {attack}\n\n```sh\necho '{attack}'\n```\n"
    run = ExampleRun(tmp_path, book, runbook="move", host=attack)
    run.cell("a-1", f"printed {attack}\n")
    run.event("finish", result="failed", reason=attack)
    text = told(run)
    assert text.count("esrever") >= 4
    assert all(char in "\n\t" or char.isprintable() for char in text)
