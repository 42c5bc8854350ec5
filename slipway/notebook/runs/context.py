"""All that a run works with, put together before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.records.event import Progress
from slipway.notebook.records.record import Record
from slipway.notebook.runs.interfaces import Asker, Claim, Place, Shell, Teller
from slipway.notebook.runs.options import Mode, Wish
from slipway.notebook.runs.plan import Course


@dataclass(frozen=True)
class Job:
    """`before` is how far an earlier go at the same run came."""

    runbook: Runbook
    course: Course
    wish: Wish
    mode: Mode
    place: Place
    who: str
    values: Mapping[str, str]  # the parameters
    record: Record
    shell: Shell
    claim: Claim
    mask: Mask
    asker: Asker
    teller: Teller
    before: Progress | None = None
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # variables of each cell
