"""Where deploys are measured: a clean clone on its own rehearsal machines, under constant load."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e import checkout, leftovers, rig
from tests.e2e.checkout import Checkout
from tests.e2e.rig import Rig

PAGE = "compose/web/site/index.html"


@dataclass(frozen=True)
class Stage:
    """Machines that serve a first release; `folder` is for records."""

    rig: Rig
    folder: Path

    @property
    def clone(self) -> Checkout:
        return self.rig.checkout

    def change_a_line(self, number: int) -> None:
        """Commit a change of one line, as a developer would before a deploy."""
        text = self.clone.path(PAGE).read_text()
        line = next(line for line in text.splitlines() if "<title>" in line)
        self.clone.replace(PAGE, line, f"  <title>Logbook {number}</title>")
        self.clone.commit(f"Change {number}")


@contextmanager
def machines(count: int) -> Iterator[Stage]:
    """Make machines, deploy a first release, remove all of it in the end."""
    name = leftovers.new_name()
    with tempfile.TemporaryDirectory() as folder, leftovers.swept(name):
        clone = checkout.clone(Path(folder), name)
        yield Stage(
            rig.deployed(clone, [f"m{number}" for number in range(1, count + 1)]), Path(folder)
        )
