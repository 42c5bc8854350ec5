"""A plan for people: what it would do, or how far it is."""

import sys
from collections.abc import Sequence

from slipway.plan import Plan
from slipway.show.progress import WIDTH, TerminalReporter


def preview(*plans: Plan, changes: Sequence[str] = ()) -> None:
    """Print what plans would do, one after the other, and do nothing."""
    sys.stdout.write(f"{plans[0].title}\n")
    for line in changes:
        sys.stdout.write(f"  ~ {line}\n")
    steps = [step for plan in plans for step in plan.steps]
    for number, step in enumerate(steps, 1):
        sys.stdout.write(f"{number:>3}. {step.name:<{WIDTH}} {step.describe}\n")


def follow(plan: Plan) -> None:
    """Run a plan and show how far it is."""
    plan.run(TerminalReporter())
