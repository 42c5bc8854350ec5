"""The documents hold to the code: commands, flags, settings, links and runbooks exist."""

import re
from datetime import date
from pathlib import Path
from xml.etree import ElementTree

import pytest

from slipway import errors
from slipway.environments import setting_rules
from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.notebook.checking import check, command_check
from slipway.notebook.reading import collection, parse
from slipway.project import COMPOSE, ROOT
from tasks.cli import namespace
from tasks.command_index import CommandIndex

ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
# Where packages come from differs from place to place; the machine's own settings say it.
PACKAGE_HOSTS = re.compile(r"\b(pypi|pythonhosted|debian|ubuntu|npmjs)\.(org|com|net)\b")

GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def test_no_runbook_or_document_names_what_is_not_there() -> None:
    paths, commands = collection.read().runbooks(), CommandIndex(namespace)
    found = check.check(paths, commands, today=date.today(), documents=check.documents())
    assert [str(problem) for problem in found if problem.severity == "error"] == []


def test_every_task_is_in_the_readme_the_guide_or_a_runbook() -> None:
    told = {
        word
        for path in [*collection.read().runbooks(), *check.documents()]
        for _, words in command_check.named(parse.read(path)[0])
        for word in words
    }
    assert set(CommandIndex(namespace).tasks()) <= told


def test_the_guide_lists_every_setting_with_its_default() -> None:
    rows = {key: default.strip(" `") for key, _, default in ROW.findall(GUIDE)}
    rules = setting_rules.load(COMPOSE)
    assert rows.keys() == rules.keys()
    for key, rule in rules.items():
        missing = "required" if rule.required else "none"
        wanted = missing if rule.default is None else rule.default or "empty"
        assert rows[key] == wanted, f"{key}: the guide says {rows[key]}, the schema {wanted}"


def test_the_guide_explains_every_exit_code() -> None:
    kinds = [kind for kind in vars(errors).values() if isinstance(kind, type)]
    codes = {kind.exit_code for kind in kinds if issubclass(kind, SlipwayError)}
    explained = set(map(int, re.findall(r"^\| (\d+) \| ", GUIDE, re.MULTILINE)))
    assert codes | {0, 130} <= explained


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=lambda p: p.name)
def test_a_picture_is_well_formed_and_says_in_words_what_it_shows(picture: Path) -> None:
    tree = ElementTree.parse(picture).getroot()  # noqa: S314  our own file
    for name in ("title", "desc"):
        assert tree.findtext(f"{{http://www.w3.org/2000/svg}}{name}")


def test_every_comparison_with_a_peer_is_on_the_page_of_peers() -> None:
    page = (ROOT / "docs" / "peers.md").read_text(encoding="utf-8")
    scripts = (ROOT / "tests" / "peers").glob("*.py")
    names = {path.stem for path in scripts if "__main__" in path.read_text(encoding="utf-8")}
    assert names == names & set(re.findall(r"\| `(\w+)` \|", page)) != set()


def test_every_test_that_is_named_for_a_promise_is_there() -> None:
    page = (ROOT / "docs" / "tests.md").read_text(encoding="utf-8")
    named: list[tuple[str, str]] = []
    for row in page.splitlines():
        path = ""
        for link, test in re.findall(r"\]\(\.\./(tests/[\w/]+\.py)\)|`(test_\w+)`", row):
            path = link or path
            if test:
                named.append((path, test))
    assert len(named) > 50
    missing = [
        f"{path} {test}"
        for path, test in named
        if f"\ndef {test}(" not in (ROOT / path).read_text(encoding="utf-8")
    ]
    assert missing == []


def test_no_file_names_a_host_that_packages_come_from() -> None:
    for path in files():
        text = path.read_bytes().decode(errors="replace")
        found = PACKAGE_HOSTS.search(text)
        assert found is None, f"{path.relative_to(ROOT)} names {found and found[0]}"


def files() -> list[Path]:
    """What git has, or would take."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = LocalHost(cwd=ROOT).run(argv, check=False)
    if done.code != 0:
        pytest.skip("not a git checkout")
    return [path for name in done.out.split("\0") if name and (path := ROOT / name).is_file()]
