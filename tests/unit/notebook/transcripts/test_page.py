"""The page of a run: one file, at home anywhere, in which nobody's output can do anything."""

import itertools
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from slipway.notebook.reading import collection, parse
from slipway.notebook.records import record
from slipway.notebook.transcripts import page, timeline
from slipway.notebook.transcripts.ansi import coloured, to_html
from slipway.notebook.transcripts.attempts import join_events
from tests.e2e.chromium import Chromium
from tests.fakes import example_runs
from tests.fakes.example_runs import ExampleRun

HOSTILE = (
    "</pre><script>alert(1)</script><!-- <img src=http://example.org/x onerror=alert(2)>\n"
    "\x1b]0;title\x07\x1b]8;;http://example.org\x1b\\link\x1b]8;;\x1b\\ \u202eesrever\u2066\n"
    "nul:\x00\n"
    "]]></style></svg>&lt;b&gt; \x1b[31;1mred\x1b[0m \x1b[2J\x1b]0;never closed\n"
)
HOSTILE_BOOK = """\
# A <script>alert(1)</script> title

<script>alert(1)</script> <img src="http://example.org/a.png"> ![pic](http://example.org/b.png)

[bad](javascript:alert(1)) [data](data:text/html,x)
[good](https://example.org/?a="b"&c) [here](#look)

## Look

> [!CAUTION]
> Mind the `<gap>`.

```sh {name=look}
echo '</pre><script>'  # \u202e comment
```

- [ ] Do <b>this</b> & that
"""
TEXTS = {"ink", "quiet", "link", "good", "bad", "warn", *(f"c{n}" for n in range(8))}
GROUNDS = {"ground", "paper", "code", "track"}


class Reader(HTMLParser):
    """Collects what a browser would take for tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, attribute: str) -> list[str]:
        return [value for _, given in self.tags if (value := given.get(attribute))]


class Observed(Chromium):
    """A browser that remembers what it was told by its page."""

    def __init__(self, **how: Any) -> None:
        self.heard: list[dict[str, Any]] = []
        super().__init__(**how)
        for domain in ("Network", "Log", "Runtime"):
            self._ask(f"{domain}.enable")

    def _read(self, deadline: float) -> dict[str, Any]:
        message = super()._read(deadline)
        self.heard.append(message)
        return message

    def events(self, *methods: str) -> list[dict[str, Any]]:
        return [each for each in self.heard if each.get("method") in methods]

    def print_preview(self) -> None:
        self._ask("Emulation.setEmulatedMedia", media="print", features=[])


@pytest.fixture
def hostile(tmp_path: Path) -> Reader:
    run = ExampleRun(tmp_path, HOSTILE_BOOK, user="<i>anna</i>", params={"X": "</dd><script>"})
    run.cell("look", HOSTILE, by="<i>anna</i>")
    run.event("manual", cell="look-todo-1", outcome="done", by="<u>anna</u>", reason="\u202e")
    run.event("note", text="</p><script>")
    return Reader(page.make(run.finish()))


def test_what_others_wrote_shows_as_text_and_does_nothing(hostile: Reader) -> None:
    names = {tag for tag, _ in hostile.tags}
    assert not names & {"script", "img", "i", "u", "iframe", "object", "link", "base", "form"}
    assert not [value for _, given in hostile.tags for value in given if value.startswith("on")]
    assert "</pre><script>alert(1)</script><!--" in hostile.text
    assert "\\u202eesrever" in hostile.text
    assert "nul:␀" in hostile.text
    assert "␛]0;never closed" in hostile.text
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", hostile.text)


def test_a_step_an_alert_and_a_second_title_lose_nothing_but_their_marks(tmp_path: Path) -> None:
    book = "# One\n\n- [ ] Tell people\n\n  [optional] keep me\n\n"
    book += "> [!NOTE]\n> Mind it.\n>\n> [1] footnote\n>\n> [`code`] first\n\n# Two\n\nText.\n"
    run = ExampleRun(tmp_path, book)
    found = Reader(page.make(run.finish()))
    for kept in ("[optional] keep me", "[1] footnote", "[code] first", "Two"):
        assert kept in found.text
    assert "[ ]" not in found.text
    assert "[!NOTE]" not in found.text
    ids = found.all("id")
    assert (ids.count("one"), ids.count("two")) == (1, 1)


def test_links_lead_only_where_a_link_may_and_know_nothing_of_where_from(hostile: Reader) -> None:
    links = [given for tag, given in hostile.tags if tag == "a"]
    targets = [given["href"] for given in links]
    assert targets == ["http://example.org/b.png", "https://example.org/?a=%22b%22&c", "#look"]
    assert {given["rel"] for given in links} == {"noopener noreferrer"}


def test_the_page_asks_nobody_for_anything(tmp_path: Path) -> None:
    text = page.make(example_runs.deploy(tmp_path))
    found = Reader(text)
    assert found.all("src") == []
    assert "url(http" not in text
    assert "@import" not in text
    [policy] = [each for each in found.all("content") if "default-src" in each]
    assert policy.startswith("default-src 'none'")


def test_anchors_are_those_of_the_runbook_and_there_once(tmp_path: Path) -> None:
    found = Reader(page.make(example_runs.deploy(tmp_path)))
    ids = found.all("id")
    assert {"deploy-a-release", "before-you-start", "deploy", "roll-back"} <= set(ids)
    assert {"cell:deploy", "cell:verify-1", "cell:afterwards-todo-2"} <= set(ids)
    assert len(ids) == len(set(ids))
    assert "roll-back" in [each.removeprefix("#") for each in found.all("href")]


def test_all_that_happened_is_told_where_it_happened(tmp_path: Path) -> None:
    text = page.make(example_runs.trouble(tmp_path))
    said = re.sub(r"\s+", " ", re.sub("<[^>]+>", " ", text.split("<main>")[1]))
    order = [
        "resumed by anna on anna-laptop from back-up-first; the runbook had changed since",
        "attempt 2 passed after 2.1 s",
        "skipped by anna: seen a minute ago",
        "may have run: nobody saw it end",
        "attempt 2 passed after 9.8 s",
        "100 %",
        "timed out after 20 min",
        "went to Roll back by anna, after deploy",
        "prod serves release 41 again",
        "· not run",
    ]
    places = [said.index(each) for each in order[:-1]]
    assert places == sorted(places)
    assert order[-1] in said
    assert "Failed at deploy, rolled back" in text
    assert "with changes that were not committed" in text
    assert "50 %" not in text


def test_only_what_did_not_pass_lies_open(tmp_path: Path) -> None:
    found = Reader(page.make(example_runs.deploy(tmp_path)))
    folds = [given for tag, given in found.tags if tag == "details"]
    assert len(folds) == 9
    assert sum("open" in given for given in folds) == 1


def test_colours_of_a_terminal_become_classes() -> None:
    assert to_html("a \x1b[1;31mb\x1b[0m c") == 'a <span class="c1 bold">b</span> c'
    assert to_html("\x1b[38;5;2mx\x1b[39my") == '<span class="c2">x</span>y'
    assert to_html("\x1b[38;2;1;2;3mx\x1b[44;33my") == 'x<span class="back">y</span>'
    assert to_html("\x1b[92mbright") == '<span class="c10">bright</span>'
    assert to_html("\x1b[;;mplain\x1b[38;5m\x1b[999999999m") == "plain"
    assert coloured("10 %\r\x1b[K\x1b[32m100 %\x1b[0m\r") == "\x1b[32m100 %\x1b[0m"


def test_a_cell_keeps_its_text_under_its_colours() -> None:
    source = "\n\nif [ \"$A\" = '<b>' ]; then  # why & how\n  cat <<EOF\n</pre>\nEOF\nfi\n\n"
    for language in ("sh", "python"):
        found = Reader(page.highlighted(source, language))
        assert found.text == source
        assert {tag for tag, _ in found.tags} == {"span"}


def test_long_breaks_are_drawn_short_and_every_bar_lies_inside(tmp_path: Path) -> None:
    folder = example_runs.trouble(tmp_path)
    history = join_events(record.read(folder))
    scale = timeline.scaled(history)
    assert [round(end - begin) for begin, end in scale.breaks] == [13 * 3600]
    begin, end = (scale.at(each) for each in scale.breaks[0])
    assert 5 < end - begin < 12
    picture = timeline.draw(history, {})
    for x, width in re.findall(r'class="bar[^"]*" x="([\d.]+)%"[^>]* width="([\d.]+)%"', picture):
        assert 0 <= float(x) <= float(x) + float(width) <= 100.01
    assert ">13 h</text>" in picture
    assert "<title" in picture
    assert "deploy: timed out" in picture


def test_a_run_that_only_began_has_a_page_without_a_picture(tmp_path: Path) -> None:
    run = ExampleRun(tmp_path, "no title, no cells\n")
    text = page.make(run.folder)
    assert "<svg" not in text
    assert "Not finished" in text


def test_every_runbook_of_the_collection_has_a_page_whose_anchors_lead_somewhere(
    tmp_path: Path,
) -> None:
    for path in collection.read().runbooks():
        run = ExampleRun(tmp_path / path.stem, path.read_text(), runbook=path.stem)
        found = Reader(page.make(run.finish()))
        ids = found.all("id")
        assert len(ids) == len(set(ids)), path
        inner = {each[1:] for each in found.all("href") if each.startswith("#")}
        assert inner <= set(ids), path
        runbook, _ = parse.read(path)
        shown = [value for value in found.all("class") if "not-run" in value.split()]
        assert len(shown) >= len(list(runbook.actions())), path


def colours(scheme: str) -> dict[str, str]:
    css = page.STYLE.read_text()
    light, dark = (
        dict(re.findall(r"--(\w[\w-]*): (#\w{6});", part))
        for part in css.split("@media screen")[:2]
    )
    return light if scheme == "light" else light | dark


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def pairs() -> Iterator[tuple[str, str]]:
    yield from ((text, ground) for text in TEXTS for ground in GROUNDS)
    yield from ((name, f"{name}-tint") for name in ("good", "bad", "warn"))
    yield from (("ink", f"{name}-tint") for name in ("good", "bad", "warn"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_all_text_can_be_read_on_all_grounds(scheme: str) -> None:
    found = colours(scheme)
    poor = {}
    for text, ground in pairs():
        low, high = sorted(luminance(found[each]) for each in (text, ground))
        ratio = (high + 0.05) / (low + 0.05)
        if ratio < 4.5:
            poor[text, ground] = round(ratio, 2)
    assert poor == {}


@pytest.mark.browser
def test_in_a_browser_it_fits_folds_prints_and_asks_nobody(tmp_path: Path) -> None:
    run = ExampleRun(tmp_path, HOSTILE_BOOK)
    run.cell("look", HOSTILE + "wide " * 400, outcome="failed", code=1)
    folders = (run.finish(), example_runs.deploy(tmp_path / "a"), example_runs.trouble(tmp_path))
    paths = [tmp_path / f"{n}.html" for n, _ in enumerate(folders)]
    for path, folder in zip(paths, folders, strict=True):
        path.write_text(page.make(folder))
    with Observed() as browser:
        for width, path in itertools.product((1280, 390, 320), paths):
            browser.look(width=width, height=900)
            browser.open(path.as_uri())
            assert browser.run("document.documentElement.scrollWidth <= innerWidth"), (width, path)
        seen = "document.querySelector('details:not([open]) pre').checkVisibility()"
        assert not browser.run(seen)
        browser.click("details:not([open]) summary")
        assert browser.run("document.querySelector('details[open] pre').checkVisibility()")
        browser.print_preview()
        assert browser.run(seen)
        sent = browser.events("Network.requestWillBeSent")
        asked = {each["params"]["request"]["url"] for each in sent}
        assert asked == {path.as_uri() for path in paths}
        assert browser.events("Log.entryAdded", "Runtime.exceptionThrown") == []
        assert browser.events("Runtime.consoleAPICalled") == []
