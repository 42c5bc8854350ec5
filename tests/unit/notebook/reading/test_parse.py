"""Reading a runbook: what runs, under which name, and that no text makes it stumble."""

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from slipway.errors import UsageError
from slipway.notebook.checking import links
from slipway.notebook.document import Alert, Cell, Heading, ManualStep, Prose, Runbook, Sample
from slipway.notebook.reading import collection, parse, titles
from slipway.notebook.reading.slugs import Slugger
from slipway.project import ROOT

HERE = ROOT / "runbooks" / "try.md"

WHOLE = """\
---
task: [deploy, db.backup]
owner: "@ops"
risk: medium
time: 10m
last_tested: 2026-11-01
needs: a key
params:
  TAG: {help: What to ship, choices: [on, off], default: on, optional: true}
  SIZE:
awaits: db.shrink
---

# Deploy a release

Ships one image tag to *one* environment. To undo:
[roll back](#roll-back).

## Before you start

```sh
inv doctor
```

- [ ] Tell #ops about `$TAG`
      before noon

## Back up first

```sh {timeout=15m capture=OLD}
inv db.backup --env="$ENV"
```

> [!WARNING]
> This swaps the containers.
> Users notice.

```python {confirm="Deploy $TAG to $ENV?" destructive name=ship}
print(1)
```

```console
$ inv status
```

## Verify

```bash {retry=10 every=3s when='test -n "$TAG"'}
inv status --env="$ENV"
```

```sh {skip}
never
```

## Roll back

~~~shell
inv rollback --env="$ENV"
~~~

## Escalate

Call.

## Afterwards

1. [ ] Say so
"""


def read(text: str) -> Runbook:
    runbook, problems = parse.parse(text, HERE)
    assert [str(each) for each in problems if each.severity == "error"] == []
    return runbook


def cells(text: str) -> list[Cell]:
    return list(read(text).cells())


def fence(info: str, source: str = "true", heading: str = "# T") -> str:
    return f"{heading}\n\n```{info}\n{source}\n```\n"


class TestAWholeRunbook:
    def test_says_what_it_is_about(self) -> None:
        runbook = read(WHOLE)
        matter = runbook.matter
        assert (runbook.name, runbook.title) == ("try", "Deploy a release")
        assert runbook.summary == "Ships one image tag to one environment. To undo: roll back."
        assert (matter.tasks, matter.owner, matter.risk) == (
            ("deploy", "db.backup"),
            "@ops",
            "medium",
        )
        assert (matter.time, matter.last_tested, matter.needs) == (
            "10m",
            "2026-11-01",
            ("a key",),
        )
        assert matter.awaits == ("db.shrink",)
        assert matter.params == {
            "TAG": {
                "help": "What to ship",
                "choices": ("on", "off"),
                "default": "on",
                "optional": True,
            },
            "SIZE": {},
        }

    def test_knows_its_cells_by_section_line_and_id(self) -> None:
        found = [(c.section, c.line, c.id, c.language) for c in read(WHOLE).cells()]
        assert found == [
            ("before", 21, "before-you-start", "sh"),
            ("steps", 30, "back-up-first", "sh"),
            ("steps", 38, "ship", "python"),
            ("verify", 48, "verify", "sh"),
            ("verify", 52, "verify-1", "sh"),
            ("roll back", 58, "roll-back", "sh"),
        ]

    def test_knows_how_each_cell_is_run(self) -> None:
        _, backup, ship, verify, never, _ = cells(WHOLE)
        assert (backup.attributes.timeout, backup.attributes.capture) == (900.0, "OLD")
        assert (ship.attributes.confirm, ship.is_gate) == ("Deploy $TAG to $ENV?", True)
        assert (verify.attributes.retry, verify.attributes.every) == (10, 3.0)
        assert (verify.attributes.when, verify.is_check) == ('test -n "$TAG"', True)
        assert never.attributes.skip

    def test_asks_for_what_is_done_by_hand(self) -> None:
        steps = [each for each in read(WHOLE).actions() if isinstance(each, ManualStep)]
        assert [(s.id, s.line, s.section, s.text) for s in steps] == [
            ("before-you-start-todo-1", 25, "before", "Tell #ops about `$TAG`\nbefore noon"),
            ("afterwards-todo-1", 68, "afterwards", "Say so"),
        ]

    def test_keeps_warnings_samples_and_prose(self) -> None:
        blocks = read(WHOLE).blocks
        alert = next(each for each in blocks if isinstance(each, Alert))
        sample = next(each for each in blocks if isinstance(each, Sample))
        prose = next(each for each in blocks if isinstance(each, Prose))
        assert (alert.kind, alert.line) == ("warning", 34)
        assert alert.text == "This swaps the containers.\nUsers notice."
        assert (sample.language, sample.text) == ("console", "$ inv status\n")
        assert prose.text.endswith("To undo:\n[roll back](#roll-back).")
        assert [each.line for each in blocks] == sorted(each.line for each in blocks)

    @pytest.mark.parametrize("end", ["\r\n", "\r"])
    def test_reads_the_same_with_the_line_ends_of_other_systems(self, end: str) -> None:
        assert read("\ufeff" + WHOLE.replace("\n", end)) == read(WHOLE)


class TestAFence:
    def test_arrives_unchanged_from_a_list(self) -> None:
        cell = "   ```sh\n   cat <<EOF\n\n     a\n   \tb\n   EOF\n   ```\n"
        text = f"# T\n\n1. One\n\n{cell}\n   After.\n\n2. Two\n"
        runbook = read(text)
        assert [each.source for each in runbook.cells()] == ["cat <<EOF\n\n  a\n\tb\nEOF\n"]
        prose = [(each.line, each.text) for each in runbook.blocks if isinstance(each, Prose)]
        assert prose == [(3, "1. One"), (13, "After."), (15, "2. Two")]

    def test_arrives_unchanged_from_a_quote_and_from_deep_within(self) -> None:
        lines = ["# T", "", "- a", "  - b", *(f"    > {x}" for x in ("c", "", "~~~sh", "one"))]
        text = "\n".join([*lines, "    >", "    > two", "    > ~~~"])
        assert [(each.line, each.source) for each in cells(text)] == [(7, "one\n\ntwo\n")]

    def test_keeps_its_tabs(self) -> None:
        assert cells(fence("sh", "cat <<-E\n\ta\n\t\n\tE"))[0].source == "cat <<-E\n\ta\n\t\n\tE\n"

    def test_runs_only_as_what_it_says_it_is(self) -> None:
        text = "".join(
            f"```{name}\nx\n```\n" for name in ("sh", "BASH", "shell", "Python", "console", "json")
        )
        runbook = read(f"# T\n{text}")
        assert [each.language for each in runbook.cells()] == ["sh", "sh", "sh", "python"]

    def test_is_a_step_where_no_section_has_begun(self) -> None:
        assert cells(fence("sh"))[0].section == "steps"

    def test_under_a_second_title_is_no_check_any_more(self) -> None:
        found = cells(fence("sh", heading="# T\n## Verify\n# Another"))
        assert not found[0].is_check

    def test_may_hold_another_with_a_longer_mark(self) -> None:
        inner = "```sh\ntrue\n```"
        assert cells(f"# T\n\n````sh\n{inner}\n````\n")[0].source == f"{inner}\n"


class TestNames:
    def test_never_meet_the_anchor_of_another_heading(self) -> None:
        text = "# T\n## Verify\n" + "```sh\ntrue\n```\n" * 3 + "## Verify\n```sh\ntrue\n```\n"
        assert [each.id for each in cells(text)] == [
            "verify",
            "verify-2",
            "verify-3",
            "verify-1",
        ]

    def test_are_given_also_where_a_heading_has_no_letters(self) -> None:
        assert [each.id for each in cells(fence("sh") + fence("sh", heading="## 🚀"))] == [
            "t",
            "cell",
        ]

    def test_stay_when_a_named_cell_comes_between(self) -> None:
        text = fence("sh {name=x}", heading="# T\n## A") + "\n```sh\ntrue\n```\n"
        assert [each.id for each in cells(text)] == ["x", "a"]

    # As github-slugger's own examples, which were compared with GitHub.
    @pytest.mark.parametrize(
        ("texts", "slugs"),
        [
            (["echo", "echo", "echo 1", "echo-1", "echo"], "echo echo-1 echo-1-1 echo-1-2 echo-2"),
            (["foxtrot-1", "foxtrot", "foxtrot"], "foxtrot-1 foxtrot foxtrot-2"),
            (["heading with a - dash"], "heading-with-a---dash"),
            (
                ["exchange.bind_headers(exchange, routing [, bind])"],
                "exchangebind_headersexchange-routing--bind",
            ),
            (["apostrophe’s should", "I ♥ unicode"], "apostrophes-should i--unicode"),
            (["😄 emoji", "😄_😄 emoji", ":ok_hand: Single"], "-emoji _-emoji ok_hand-single"),
            (["Привет 你好", "Ⅷ ٣ ½ Ⓐ", "à"], "привет-你好 ⅷ-٣--ⓐ à"),
            (["⚠️ Stop", "a\u00a0b", "x‿y"], "\ufe0f-stop ab x‿y"),
        ],
    )
    def test_are_the_anchors_of_github(self, texts: Sequence[str], slugs: str) -> None:
        slugger = Slugger()
        assert [slugger.slug(each) for each in texts] == slugs.split(" ")

    def test_of_headings_leave_the_marks_out(self) -> None:
        text = "# The `inv db.*` *tasks* of [ours](x), <b>bold</b> ![img](y) &amp; \\# more\n"
        heading = next(each for each in read(text).blocks if isinstance(each, Heading))
        assert heading.text == "The inv db.* tasks of ours, bold  & # more"
        assert heading.slug == "the-inv-db-tasks-of-ours-bold----more"


class TestFinding:
    @pytest.fixture
    def folder(self, tmp_path: Path) -> Path:
        for name in ("README.md", "deploy.md", "rollback.md", "notes.txt"):
            (tmp_path / name).write_text("# T\n")
        (tmp_path / ".#deploy.md").symlink_to("anna@laptop.1234")  # the lock of an editor
        return tmp_path

    def test_takes_a_name_or_a_path(self, folder: Path) -> None:
        assert collection.find("deploy", folder) == folder / "deploy.md"
        assert collection.find("deploy.md", folder) == folder / "deploy.md"
        assert collection.find(f"{folder}/README.md", folder) == folder / "README.md"
        paths = collection.read(folder).runbooks()
        assert [each.name for each in paths] == ["deploy.md", "rollback.md"]

    def test_lists_what_a_cover_says_below_a_comment_like_a_section(self, folder: Path) -> None:
        text = "---\n## a comment\nrisk: high\ntime: 5m\n---\n\n# Ship it\n\nNow.\n\n## Go\n\nx\n"
        (folder / "deploy.md").write_text(text)
        book = titles.read_titles(folder)[0]
        assert (book.title, book.summary, book.risk) == ("Ship it", "Now.", "high")
        assert book.time == "5m"

    @pytest.mark.parametrize(
        ("name", "text"),
        [
            ("deplyo", 'there is no runbook "deplyo" (did you mean "deploy"?)'),
            ("README", 'there is no runbook "README"; see inv runbook.list'),
            ("x/deplyo.md", 'there is no file x/deplyo.md (did you mean "deploy"?)'),
            ("a" * 5000 + ".md", "there is no file"),
            ("a\0/b", "there is no file"),
            ("", "which runbook? write --name=deploy"),
        ],
    )
    def test_says_what_was_meant(self, name: str, text: str, folder: Path) -> None:
        with pytest.raises(UsageError) as error:
            collection.find(name, folder)
        assert text in str(error.value)

    def test_takes_nothing_but_markdown(self, folder: Path) -> None:
        with pytest.raises(UsageError, match="is not a Markdown file"):
            collection.find(f"{folder}/notes.txt", folder)


PIECES = [
    "# A", "## Verify", "## Roll back", "```sh", "```", "~~~", "````", "```sh {check",
    "- [ ] a", "- a", "1. b", "> ", "> [!NOTE]", "  ", "    ", "\t",
    "---", "task: a", "|a|\n|-|\n", "<div>", "<!--", "-->", "[a]: b", "[a][c]",
    "{confirm}", "`", "\n", "\n\n", " ", "\r\n", "\x00", "\ufeff",
    "\x0c", "\u2028", "é", "&x;", "\\", "[", "](#x)", "*",
    "params:\n", "  A: {choices: [", "]}", "- &a *a", "```python {name=a}",
]  # fmt: skip


@settings(max_examples=200, suppress_health_check=list(HealthCheck), derandomize=True)
@given(st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=40).map("".join))
@example("[" * 1_000_000)
@example("![" * 500_000)
@example("```sh {" + "a" * 1_000_000 + "}\n```")
@example("```sh\ntrue\n```\n" * 2_000)
@example("- [ ] a\n" * 2_000)
@example("> " * 10_000)
@example("---\n" + "[" * 7_000 + "\n---\n")
def test_whatever_is_in_a_file_it_is_read_and_every_line_is_one_of_it(text: str) -> None:
    runbook, problems = parse.parse(text, HERE)
    problems += links.check(HERE, text)
    last = runbook.text.count("\n")
    lines = [each.line for each in (*problems, *runbook.blocks)]
    assert all(1 <= line <= last for line in lines)
    ids = [each.id for each in runbook.actions()]
    assert len(ids) == len(set(ids))


def test_the_front_page_is_read_like_a_runbook() -> None:
    runbook, problems = parse.read(ROOT / "README.md")
    assert problems == []
    assert runbook.title == "Slipway"
