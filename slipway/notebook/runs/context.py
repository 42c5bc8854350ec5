"""A run before it begins: what was prepared for it, and all that its loop works with."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from slipway.environments.environment import Environment
from slipway.notebook.cells.mask import Mask
from slipway.notebook.document import Runbook
from slipway.notebook.records.event import EventProgress
from slipway.notebook.records.record import Record
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.interfaces import Display, EnvironmentLock, Location, Prompter, Shell
from slipway.notebook.runs.options import Mode, RunOptions
from slipway.notebook.runs.plan import RunPlan


@dataclass(frozen=True)
class PreparedRun:
    """A run that has passed every check; `previous` is how far it came before it is resumed."""

    runbook: Runbook
    plan: RunPlan
    options: RunOptions
    env: Environment | None
    values: Mapping[str, str]  # the parameters
    record: Record
    host: HostFacts
    mask: Mask
    previous: EventProgress | None = None


@dataclass(frozen=True)
class RunContext:
    """What the loop of a run works with: the run as prepared, and what it acts through."""

    runbook: Runbook
    plan: RunPlan
    options: RunOptions
    mode: Mode
    location: Location
    user: str
    values: Mapping[str, str]  # the parameters
    record: Record
    shell: Shell
    lock: EnvironmentLock
    mask: Mask
    prompter: Prompter
    display: Display
    previous: EventProgress | None = None
    variables: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # of each cell
