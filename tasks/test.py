"""Lint, types and tests of this project, by part."""

from invoke.exceptions import Exit

from tasks.command import Choices, command


def _parts() -> list[str]:
    from slipway.checks.suite import PARTS

    return [part.name for part in PARTS]


@command(
    runbook="hack-locally",
    help={"only": "Parts with commas, of: lint, types, unit, integration, e2e."},
    choices={"only": Choices(_parts)},
)
def test(*, only: str = "") -> None:
    """Run the whole test suite, or parts of it; every part runs whatever the others say.

    Examples:
      inv test
      inv test --only=lint,types,unit
    """
    from slipway.bootstrap import dev_packages, prepare
    from slipway.checks import suite
    from slipway.show import parts, progress

    chosen = suite.chosen(only)
    if code := dev_packages.add():
        raise Exit(code=code)
    if any(part.wants_engine for part in chosen):
        reason = suite.made_ready(lambda: prepare.prepare(progress.TerminalReporter()))
        parts.warn(reason)
    results = suite.run_all(chosen, parts)
    parts.summary(results)
    if any(result.failed for result in results):
        raise Exit(code=1)
