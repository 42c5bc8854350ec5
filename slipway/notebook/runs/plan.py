"""Which cells and steps a run does, in which order, and what it leaves out, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.errors import UsageError
from slipway.notebook.document import (
    ORDER,
    WAY_BACK,
    Action,
    Block,
    Cell,
    Heading,
    ManualStep,
    Runbook,
    SectionName,
)
from slipway.notebook.problem import nearest
from slipway.notebook.runs.options import RunOptions

LOOKING: tuple[SectionName, ...] = ("about", "before", "steps", "verify")


@dataclass(frozen=True)
class RunStep:
    """What is to be read, then done; the last step of a plan may be only for reading."""

    reading: tuple[Block, ...]
    action: Action | None


@dataclass(frozen=True)
class RunPlan:
    """The steps in the order of the run; `left_out` says why each other action is not in them."""

    steps: tuple[RunStep, ...]
    left_out: Mapping[str, str]

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(step.action for step in self.steps if step.action is not None)


def plan_run(runbook: Runbook, options: RunOptions) -> RunPlan:
    """Decide what a run does. Raises UsageError for a cell or section that is not there."""
    if sum(map(bool, (options.from_, options.only, options.section))) > 1:
        raise UsageError("give one of --from, --only and --section")
    if options.only:
        chosen, reason = _only(runbook, options.only), f"not --only {options.only}"
    elif options.section:
        blocks = _section(runbook, options.section)
        chosen, reason = _runnable(blocks), f"not --section {options.section}"
        if not chosen:
            left_out = {action.id: reason for action in runbook.actions(*ORDER)}
            return RunPlan((RunStep(blocks, None),), left_out)
    elif options.from_:
        chosen, reason = _from(runbook, options.from_), f"before --from {options.from_}"
    else:
        chosen, reason = list(runbook.actions(*ORDER)), ""
    if options.checks_only:
        chosen = [a for a in chosen if isinstance(a, Cell) and a.is_check and a.section in LOOKING]
        reason = "not a check, --checks-only"
    ids = {action.id for action in chosen}
    sections = WAY_BACK if chosen and chosen[0].section in WAY_BACK else ORDER
    # A part of the way back leaves out the steps too: what only they use is not asked for.
    left_out = {a.id: reason for a in runbook.actions(*ORDER, *sections) if a.id not in ids}
    return RunPlan(tuple(_steps(runbook, sections, ids, is_healthy=not left_out)), left_out)


def plan_rollback(runbook: Runbook) -> RunPlan:
    """Return the plan of *Roll back*."""
    ids = {action.id for action in runbook.actions(*WAY_BACK)}
    return RunPlan(tuple(_steps(runbook, WAY_BACK, ids, is_healthy=True)), {})


def blocks_of(runbook: Runbook, section: SectionName) -> tuple[Block, ...]:
    """Return all blocks of a section."""
    return tuple(block for block in runbook.blocks if block.section == section)


def _steps(
    runbook: Runbook, sections: Sequence[SectionName], ids: set[str], *, is_healthy: bool
) -> Iterator[RunStep]:
    """Cut the blocks at their actions; what leads up to an action left out is left out too."""
    reading: list[Block] = []
    heading: Heading | None = None
    follows_chosen = True  # whether the action before was chosen, so the text after it is read
    for section in sections:
        for block in blocks_of(runbook, section):
            if isinstance(block, Heading):
                heading = block
            if not isinstance(block, Cell | ManualStep):
                reading.append(block)
            elif block.id not in ids:
                reading, follows_chosen = [], False
            else:
                if not follows_chosen and heading is not None and heading not in reading:
                    reading.insert(0, heading)
                yield RunStep(tuple(reading), block)
                reading, follows_chosen = [], True
        if not is_healthy:
            reading = [block for block in reading if section == "about"]
    if reading:
        yield RunStep(tuple(reading), None)


def _only(runbook: Runbook, name: str) -> list[Action]:
    actions = list(runbook.actions())
    exact = [action for action in actions if action.id == name]
    under = _actions(_under(runbook, name))
    if exact or len(under) == 1:
        _refuse_unrunnable((exact or under)[0])
        return exact or under
    names = ", ".join(action.id for action in under)
    raise _unknown(name, actions, f" (one of: {names})" if under else "")


def _from(runbook: Runbook, name: str) -> list[Action]:
    first = next((action for action in runbook.actions() if action.id == name), None)
    under = _actions(_under(runbook, name))
    if first is None and not under:
        raise _unknown(name, list(runbook.actions()))
    first = first or under[0]
    _refuse_unrunnable(first)
    sections = WAY_BACK if first.section in WAY_BACK else ORDER
    actions = [action for section in sections for action in runbook.actions(section)]
    return actions[actions.index(first) :]


def _section(runbook: Runbook, name: str) -> tuple[Block, ...]:
    """Find a section by its meaning, or by the slug or text of a level-2 heading."""
    word = name.strip().lower()
    for section in {block.section for block in runbook.blocks if isinstance(block, Heading)}:
        if word in (section, section.replace(" ", "-")):
            return blocks_of(runbook, section)
    headings = [b for b in runbook.blocks if isinstance(b, Heading) and b.level == 2]
    for heading in headings:
        if word in (heading.slug, heading.text.lower()):
            return tuple(_under(runbook, heading.slug))
    hint = nearest(word, [heading.slug for heading in headings])
    raise UsageError(f'{runbook.name} has no section "{name}"{hint}')


def _under(runbook: Runbook, slug: str) -> list[Block]:
    """Return a heading with what stands under it and its own headings; the title is none."""
    blocks: list[Block] = []
    level = 0
    for block in runbook.blocks:
        if isinstance(block, Heading):
            if block.slug == slug and block.level > 1:
                level = block.level
            elif level and block.level <= level:
                break
        if level:
            blocks.append(block)
    return blocks


def _actions(blocks: Iterable[Block]) -> list[Action]:
    return [block for block in blocks if isinstance(block, Cell | ManualStep)]


def _runnable(blocks: Iterable[Block]) -> list[Action]:
    return [action for action in _actions(blocks) if action.section in (*ORDER, *WAY_BACK)]


def _refuse_unrunnable(action: Action) -> None:
    if not _runnable([action]):
        raise UsageError(
            f'"{action.id}" stands in {action.section.capitalize()}, which is read and never run; '
            "nothing was run: type its command yourself, or move it to another section"
        )


def _unknown(name: str, actions: Sequence[Action], hint: str = "") -> UsageError:
    ids = [action.id for action in actions]
    hint = hint or nearest(name, ids) or (f" (the first is {ids[0]})" if ids else "")
    return UsageError(f'there is no cell "{name}"{hint}')
