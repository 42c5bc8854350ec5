"""All that a run works with, put together before it begins."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs.interfaces import Display, EnvironmentLock, Location, Prompter, Shell
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import RunPlan


@dataclass(frozen=True)
class RunContext:
    """`before` is how far an earlier go at the same run came."""

    runbook: Runbook
    course: RunPlan
    wish: RunOptions
    mode: Mode
    place: Location
    who: str
    values: Mapping[str, str]  # the parameters
    record: Record
    shell: Shell
    claim: EnvironmentLock
    mask: Mask
    asker: Prompter
    teller: Display
    before: EventProgress | None = None
    uses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # variables of each cell
