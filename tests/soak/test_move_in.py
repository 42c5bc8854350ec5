"""The runbook of moving in, typed word by word from a clone of Slipway to two machines."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import ROOT, Checkout
from tests.e2e.test_new_project import NAMES, Move, settle
from tests.e2e.typist import HEADING, Typist, blocks
from tests.soak.rows import Rows

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
GUIDE = ROOT / "runbooks" / "move-in.md"


@pytest.fixture
def move(project: Checkout) -> Iterator[Move]:
    """A person in a clone, whose project will lie beside it."""
    project.borrow_packages()
    (project.home / ".cache").mkdir()
    (project.home / ".cache/pip").symlink_to(Path("~/.cache/pip").expanduser())
    name = leftovers.new_name()
    shop = Checkout(project.root.parent / name, project.home, name)
    environment = {**project.environment(), "TO": f"../{name}"}
    with leftovers.swept(name):
        yield Move(Typist(project.root, environment, {}), project, shop)


def test_every_command_of_moving_in_does_what_it_says(move: Move, rows: Rows) -> None:
    text, shop = GUIDE.read_text(), move.project
    titles = [
        match["title"] for match in HEADING.finditer(text) if any(blocks(text, match["title"]))
    ]
    with rows.measure("commands of runbooks/move-in.md", f"{len(titles)} parts") as row:
        for title in titles:
            clone = replace(move.typist, folder=move.kit.root)  # where a cell of a run begins
            for block in blocks(text, title):
                clone.type(block, title)
            if title == "Make the project":
                settle(shop)
            elif title == "See it serve":
                assert "<h1>" in httpx.get(move.dev).text
            elif title == "Verify":
                assert [httpx.get(url).status_code for url in move.two.urls] == [200] * len(NAMES)
        assert leftovers.remaining(f"{shop.project}-dev") == []
        assert leftovers.remaining(f"{shop.project}-staging") == []
        row.result = ", ".join(titles)
