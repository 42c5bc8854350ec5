"""The documents hold to the code: commands, flags, settings, links and runbooks exist."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest
from invoke.exceptions import Exit

from slipway import errors
from slipway.environments import environment, schema
from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.project import COMPOSE, ROOT
from tasks.cli import namespace
from tasks.usage import check

FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
ROW = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
RUNBOOK = re.compile(r"^Runbook: runbooks/(\S+)\.md$", re.MULTILINE)
SECTIONS = ["Before you start", "Steps", "Verify", "Roll back", "Escalate"]
# Where packages come from differs from place to place; the machine's own settings say it.
PACKAGE_HOSTS = re.compile(r"\b(pypi|pythonhosted|debian|ubuntu|npmjs)\.(org|com|net)\b")

RUNBOOKS = sorted((ROOT / "runbooks").rglob("*.md"))
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md")), *RUNBOOKS]
DOCUMENTS += [ROOT / "backups" / "README.md"]
GUIDE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


def each_document(documents: list[Path]) -> pytest.MarkDecorator:
    """Run a test once for each document, called by its path."""
    names = [str(path.relative_to(ROOT)) for path in documents]
    return pytest.mark.parametrize("document", documents, ids=names)


@each_document(DOCUMENTS)
def test_every_inv_command_in_a_document_names_a_real_task_and_real_flags(document: Path) -> None:
    contexts, known = namespace.to_contexts(), environment.names()
    for words in commands(document.read_text(encoding="utf-8")):
        try:
            check(words, contexts)
        except Exit as wrong:
            pytest.fail(f"`inv {shlex.join(words)}`: {wrong.message}")
        named = [word.removeprefix("--env=") for word in words if word.startswith("--env=")]
        assert set(named) <= {*known, "..."}, f"`inv {shlex.join(words)}` names no environment"


@each_document(DOCUMENTS)
def test_every_link_and_anchor_of_a_document_leads_somewhere(document: Path) -> None:
    for target in links(document):
        place, _, anchor = unquote(target).partition("#")
        found = (document.parent / place).resolve() if place else document
        assert found.exists(), f"{target} is not there"
        assert ROOT in (found, *found.parents), f"{target} leads out of the project"
        if anchor:
            assert anchor in anchors(found), f"{target}: no such heading"


def test_every_task_is_in_the_readme_the_guide_or_a_runbook() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DOCUMENTS]
    told = {words[0] for text in texts for words in commands(text) if words}
    assert set(namespace.task_names) <= told


def test_the_runbook_that_a_task_names_exists_and_names_the_task_in_turn() -> None:
    linked = set()
    for task in namespace.task_names:
        for name in RUNBOOK.findall(namespace[task].__doc__ or ""):
            linked.add(name)
            path = ROOT / "runbooks" / f"{name}.md"
            assert path.is_file(), f"{task} names {name}"
            told = {words[0] for words in commands(path.read_text(encoding="utf-8")) if words}
            assert task in told, f"runbooks/{name}.md does not say `inv {task}`"
    assert linked, "no task names a runbook"


@each_document(RUNBOOKS)
def test_a_runbook_has_its_sections_in_order(document: Path) -> None:
    text = without_fences(document.read_text(encoding="utf-8"))
    assert [name for name in HEADING.findall(text) if name in SECTIONS] == SECTIONS


def test_the_guide_lists_every_setting_with_its_default() -> None:
    rows = {key: default.strip(" `") for key, _, default in ROW.findall(GUIDE)}
    rules = schema.read(COMPOSE / "schema.yml")
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


def test_no_file_names_a_host_that_packages_come_from() -> None:
    for path in files():
        text = path.read_bytes().decode(errors="replace")
        found = PACKAGE_HOSTS.search(text)
        assert found is None, f"{path.relative_to(ROOT)} names {found and found[0]}"


def commands(text: str) -> Iterator[list[str]]:
    """The arguments of every `inv …` in sh fences and code spans."""
    lines = []
    for _, language, body in FENCE.findall(text):
        if language in ("sh", ""):
            lines += body.replace("\\\n", " ").splitlines()
    lines += SPAN.findall(without_fences(text))
    for line in lines:
        match = re.match(r"\s*(?:\./|\w+=\w+ )?inv(?: (?P<rest>.+))?$", line)
        if match:
            yield shlex.split(match["rest"] or "", comments=True)


def links(document: Path) -> list[str]:
    """The relative targets of a document, pictures too."""
    text = without_fences(document.read_text(encoding="utf-8"))
    return [link for link in LINK.findall(text) if not re.match(r"[a-z]+:", link)]


def anchors(document: Path) -> set[str]:
    """What GitHub makes of the headings."""
    text = without_fences(document.read_text(encoding="utf-8"))
    names = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(text))
    return {name.replace(" ", "-") for name in names}


def without_fences(text: str) -> str:
    return FENCE.sub("", text)


def files() -> list[Path]:
    """What git has, or would take."""
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    done = LocalHost(cwd=ROOT).run(argv, check=False)
    if done.code != 0:
        pytest.skip("not a git checkout")
    return [path for name in done.out.split("\0") if name and (path := ROOT / name).is_file()]
