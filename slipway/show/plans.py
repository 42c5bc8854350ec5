"""A plan for people: what it would do, or how far it is."""

from collections.abc import Iterable, Sequence

from slipway.agent.messages.data import ResetReply
from slipway.agent.messages.request import ChangePlan
from slipway.plan import Plan
from slipway.show import table
from slipway.show.progress import WIDTH, TerminalReporter
from slipway.show.writer import say


def preview(*plans: Plan, changes: Sequence[str] = ()) -> None:
    """Print what plans would do, one after the other, and do nothing."""
    say(plans[0].title)
    _show_steps([(step.name, step.describe) for plan in plans for step in plan.steps], changes)


def show_change(change: ChangePlan, *, as_json: bool = False) -> None:
    """Print what a change of a database would do."""
    steps = [(step.name, step.describe) for step in change.steps]
    if as_json:
        table.document({"summary": change.summary, "steps": steps, "notes": change.notes})
        return
    say(change.summary)
    _show_steps(steps, change.notes)


def show_reset(reply: ResetReply | ChangePlan) -> None:
    """Print the result of a reset, or its plan."""
    if isinstance(reply, ChangePlan):
        show_change(reply)
    else:
        say(reply.summary)


def show_notes(notes: Sequence[str]) -> None:
    """Print what there is to know beside the steps."""
    for note in notes:
        say(f"  ~ {note}")


def _show_steps(steps: Sequence[tuple[str, str]], notes: Sequence[str]) -> None:
    show_notes(notes)
    width = _width(name for name, _ in steps)
    for number, (name, describe) in enumerate(steps, 1):
        say(f"{number:>3}. {name:<{width}} {describe}")


def follow(plan: Plan, *, live: bool = True) -> None:
    """Run a plan and show how far it is; not live where its steps print by themselves."""
    plan.run(TerminalReporter(live=live, width=_width(step.name for step in plan.steps)))


def _width(names: Iterable[str]) -> int:
    """Return how many columns the names of steps get."""
    return max([WIDTH, *map(len, names)])
