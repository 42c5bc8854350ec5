"""A plan for people: what it would do, or how far it is."""

from slipway.plan import Plan
from slipway.show.progress import Progress


def preview(plan: Plan) -> None:
    """Print what a plan would do, and do nothing."""
    print(plan.title)
    for number, step in enumerate(plan.steps, 1):
        print(f"  {number}. {step.name:<12} {step.describe}")


def follow(plan: Plan) -> None:
    """Run a plan and show how far it is."""
    plan.run(Progress())
