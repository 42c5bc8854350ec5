"""Which cells and steps a run does, in which order, and what it leaves out, and why."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from slipway.errors import UsageError
from slipway.notebook.document import Action, Block, Cell, Heading, ManualStep, Runbook, SectionName
from slipway.notebook.problem import nearest
from slipway.notebook.runs.options import RunOptions

ORDER: tuple[SectionName, ...] = ("about", "before", "steps", "verify", "afterwards")
WAY_BACK: tuple[SectionName, ...] = ("roll back",)
LOOKING: tuple[SectionName, ...] = ("about", "before", "steps", "verify")


@dataclass(frozen=True)
class RunStep:
    """What is to be read, then done; the last leg of a course may be only for reading."""

    reading: tuple[Block, ...]
    action: Action | None


@dataclass(frozen=True)
class RunPlan:
    """The legs in the order of the run; `left_out` says why each other action is not among them."""

    legs: tuple[RunStep, ...]
    left_out: Mapping[str, str]

    @property
    def actions(self) -> tuple[Action, ...]:
        return tuple(leg.action for leg in self.legs if leg.action is not None)


def plan(runbook: Runbook, wish: RunOptions) -> RunPlan:
    """Decide what a run does. Raises UsageError for a cell or section that is not there."""
    if sum(map(bool, (wish.from_, wish.only, wish.section))) > 1:
        raise UsageError("give one of --from, --only and --section")
    if wish.only:
        chosen, reason = _only(runbook, wish.only), f"not --only {wish.only}"
    elif wish.section:
        named = _section(runbook, wish.section)
        chosen, reason = _runnable(named), f"not --section {wish.section}"
        if not chosen:
            out = {each.id: reason for each in runbook.actions(*ORDER)}
            return RunPlan((RunStep(named, None),), out)
    elif wish.from_:
        chosen, reason = _from(runbook, wish.from_), f"before --from {wish.from_}"
    else:
        chosen, reason = list(runbook.actions(*ORDER)), ""
    if wish.checks_only:
        checks = [each for each in chosen if isinstance(each, Cell) and each.is_check]
        chosen = [each for each in checks if each.section in LOOKING]
        reason = "not a check, --checks-only"
    ids = {each.id for each in chosen}
    sections = WAY_BACK if chosen and chosen[0].section in WAY_BACK else ORDER
    # A part of the way back leaves out the steps too: what only they use is not asked for.
    out = {a.id: reason for a in runbook.actions(*ORDER, *sections) if a.id not in ids}
    return RunPlan(tuple(_legs(runbook, sections, ids, whole=not out)), out)


def way_back(runbook: Runbook) -> RunPlan:
    """Return the course of *Roll back*."""
    ids = {each.id for each in runbook.actions(*WAY_BACK)}
    return RunPlan(tuple(_legs(runbook, WAY_BACK, ids, whole=True)), {})


def of_section(runbook: Runbook, section: SectionName) -> tuple[Block, ...]:
    """Return all blocks of a section."""
    return tuple(block for block in runbook.blocks if block.section == section)


def _legs(
    runbook: Runbook, sections: Sequence[SectionName], ids: set[str], *, whole: bool
) -> Iterator[RunStep]:
    """Cut the blocks at their actions; what leads up to an action left out is left out too."""
    reading: list[Block] = []
    heading: Heading | None = None
    wanted = True  # whether the action before was, so that the text after it is read
    for section in sections:
        for block in of_section(runbook, section):
            if isinstance(block, Heading):
                heading = block
            if not isinstance(block, Cell | ManualStep):
                reading.append(block)
            elif block.id not in ids:
                reading, wanted = [], False
            else:
                if not wanted and heading is not None and heading not in reading:
                    reading.insert(0, heading)
                yield RunStep(tuple(reading), block)
                reading, wanted = [], True
        if not whole:
            reading = [block for block in reading if section == "about"]
    if reading:
        yield RunStep(tuple(reading), None)


def _only(runbook: Runbook, given: str) -> list[Action]:
    actions = list(runbook.actions())
    exact = [each for each in actions if each.id == given]
    under = _actions(_under(runbook, given))
    if exact or len(under) == 1:
        _refuse_unrunnable((exact or under)[0])
        return exact or under
    names = ", ".join(each.id for each in under)
    raise _unknown(given, actions, f" (one of: {names})" if under else "")


def _from(runbook: Runbook, given: str) -> list[Action]:
    first = next((each for each in runbook.actions() if each.id == given), None)
    under = _actions(_under(runbook, given))
    if first is None and not under:
        raise _unknown(given, list(runbook.actions()))
    first = first or under[0]
    _refuse_unrunnable(first)
    sections = WAY_BACK if first.section in WAY_BACK else ORDER
    row = [each for name in sections for each in runbook.actions(name)]
    return row[row.index(first) :]


def _section(runbook: Runbook, given: str) -> tuple[Block, ...]:
    """Find a section by its meaning, or by the slug or text of a level-2 heading."""
    word = given.strip().lower()
    named = {each.section for each in runbook.blocks if isinstance(each, Heading)}
    for name in named:
        if word in (name, name.replace(" ", "-")):
            return of_section(runbook, name)
    headings = [b for b in runbook.blocks if isinstance(b, Heading) and b.level == 2]
    for heading in headings:
        if word in (heading.slug, heading.text.lower()):
            return tuple(_under(runbook, heading.slug))
    hint = nearest(word, [heading.slug for heading in headings])
    raise UsageError(f'{runbook.name} has no section "{given}"{hint}')


def _under(runbook: Runbook, slug: str) -> list[Block]:
    """Return a heading with what stands under it and its own headings; the title is none."""
    found: list[Block] = []
    level = 0
    for block in runbook.blocks:
        if isinstance(block, Heading):
            if block.slug == slug and block.level > 1:
                level = block.level
            elif level and block.level <= level:
                break
        if level:
            found.append(block)
    return found


def _actions(blocks: Iterable[Block]) -> list[Action]:
    return [block for block in blocks if isinstance(block, Cell | ManualStep)]


def _runnable(blocks: Iterable[Block]) -> list[Action]:
    return [each for each in _actions(blocks) if each.section in (*ORDER, *WAY_BACK)]


def _refuse_unrunnable(action: Action) -> None:
    if not _runnable([action]):
        raise UsageError(
            f'"{action.id}" stands in {action.section.capitalize()}, which is read and never run; '
            "nothing was run: type its command yourself, or move it to another section"
        )


def _unknown(given: str, actions: Sequence[Action], hint: str = "") -> UsageError:
    ids = [each.id for each in actions]
    hint = hint or nearest(given, ids) or (f" (the first is {ids[0]})" if ids else "")
    return UsageError(f'there is no cell "{given}"{hint}')
