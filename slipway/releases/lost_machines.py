"""A plan that continues without machines that are lost while it runs, where that was allowed."""

from dataclasses import replace

from slipway.errors import SlipwayError, Unreachable
from slipway.hosts.parallel import HostsFailed
from slipway.plan import Plan, Step
from slipway.releases.deployment import Deployment


def continuing(plan: Plan, deployment: Deployment) -> Plan:
    """Return the plan with steps that are run again, on the others, when a machine is lost."""
    return replace(plan, steps=[_continuing(step, deployment) for step in plan.steps])


def lost(error: SlipwayError) -> set[str]:
    """Name the machines that a failure is about, if it is about nothing but lost ones."""
    failures = error.failures if isinstance(error, HostsFailed) else (error,)
    names = {failure.host for failure in failures if isinstance(failure, Unreachable)}
    return names if all(isinstance(failure, Unreachable) for failure in failures) else set()


def _continuing(step: Step, deployment: Deployment) -> Step:
    def run() -> str | None:
        while True:
            try:
                return step.run()
            except SlipwayError as error:
                names = lost(error)
                if not names or not deployment.continue_without(names, str(error)):
                    raise

    return replace(step, run=run)
