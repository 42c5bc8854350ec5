"""Links of a Markdown file: each that leads nowhere, by its line and with the nearest that does."""

from pathlib import Path

import pytest

from slipway.notebook.checking import links
from slipway.project import ROOT

PAGE = """\
# Deploy

## Roll back

<a id="by-hand"></a>
"""


@pytest.fixture
def page(tmp_path: Path) -> Path:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "guide.md").write_text(
        "# Guide\n\n## Its `inv` parts\n\n## Its inv parts\n"
    )
    (tmp_path / "docs" / "README.md").write_text("# Docs\n")
    (tmp_path / "a picture.png").write_bytes(b"")
    (tmp_path / "code.py").write_text("")
    return tmp_path / "page.md"


@pytest.mark.parametrize(
    "text",
    [
        "[a](#roll-back) [b](#by-hand) [c](#) [d](#top)",
        "[a](docs/guide.md) [b](docs/guide.md#its-inv-parts-1) [c](docs) [d](docs/#docs)",
        "![a](a%20picture.png) [b](<a picture.png>) [c](code.py#L10-L12)",
        "[a](https://example.com/x#y) <https://example.com> [b](mailto:a@example.com)",
        "[a][guide] [guide] [Guide][]\n\n[guide]: docs/guide.md#guide 'The guide'",
        "`[a](nowhere.md)` \\[a\\]\\[b\\] x[0][1]",
        "```sh\n[a](nowhere.md) [a][b]\n```",
        "<img src='code.py' alt='x'> <!-- [a](nowhere.md) -->",
    ],
)
def test_what_leads_somewhere_is_no_problem(text: str, page: Path) -> None:
    assert links.check(page, f"{PAGE}\n{text}\n") == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[a](#rol-back)", '7: this file has no heading #rol-back (did you mean "#roll-back"?)'),
        ("one\n[a](#zzzzzz)", "8: this file has no heading #zzzzzz"),
        ("[a](docs/giude.md)", '7: there is no file docs/giude.md (did you mean "docs/guide.md"?)'),
        (
            "[a](docs/guide.md#its-parts)",
            '7: docs/guide.md has no heading #its-parts (did you mean "#its-inv-parts"?)',
        ),
        ("[a](docs#x)", "7: docs has no heading #x"),
        ("![a](picture.png)", '7: there is no file picture.png (did you mean "a picture.png"?)'),
        ("|a|\n|-|\n|[a](x.md)|", "9: there is no file x.md"),
        ("- one\n\n  > [a](x.md)", "9: there is no file x.md"),
        (
            "[a][giude]\n\n[guide]: docs",
            '7: the link [giude] is not defined (did you mean "gui',
        ),
        ("[guide]\n\n[guide]: x.md", "9: there is no file x.md"),
        ("<img\n src='x.png'>", "7: there is no file x.png"),
        ("<p>\n<a href='x.md'>a</a>", "8: there is no file x.md"),
        (f"[a]({'x' * 5000})", "7: there is no file"),
        ("[a](%00)", "7: there is no file"),
    ],
)
def test_what_leads_nowhere_is_named_by_line(text: str, complaint: str, page: Path) -> None:
    found = [f"{each.line}: {each.text}" for each in links.check(page, f"{PAGE}\n{text}\n")]
    assert len(found) == 1
    assert found[0].startswith(complaint)


def test_a_link_stays_in_the_project_and_may_begin_at_its_root() -> None:
    path = ROOT / "runbooks" / "try.md"
    found = links.check(path, "# T\n\n[a](/README.md) [b](../../x.md)\n")
    assert [str(each) for each in found] == [
        "runbooks/try.md:3: the link ../../x.md leads out of the project"
    ]


def test_front_matter_has_no_links(page: Path) -> None:
    assert links.check(page, "---\nneeds: '[a](x.md)'\n---\n# T\n") == []
