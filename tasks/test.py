"""Lint, types and tests of this project, by part."""

from invoke.exceptions import Exit

from .command import Choices, command


def _parts() -> list[str]:
    from slipway.checks.suite import parts

    return [part.name for part in parts()]


@command(
    runbook="hack-locally",
    help={
        "only": "Parts with commas: lint, types, unit, integration, e2e, advisories, soak; in a "
        "project that was made from Slipway: checks, services.",
        "changed": "Only tests that a change can break, since main or =REVISION.",
    },
    choices={"only": Choices(_parts)},
    optional=["changed"],
)
def test(*, only: str = "", changed: str = "") -> None:
    """Run the whole test suite, or parts of it; every part runs whatever the others say.

    Examples:
      inv test
      inv test --only=lint,types,unit
      inv test --changed --only=unit,integration
      inv test --only=soak
    """
    from slipway.bootstrap import dev_packages, prepare
    from slipway.checks import changes, suite
    from slipway.hosts import git
    from slipway.show import parts, progress

    chosen = suite.chosen(only)
    if changed:
        revision = changed if isinstance(changed, str) else ""
        difference = changes.read(git.at(), revision)
        selection = suite.can_break(chosen, difference)
        if any(part.tests for part in chosen):
            parts.selection(difference, selection)
        if not selection.whole:
            chosen = tuple(suite.narrowed(part, selection.tests) for part in chosen)
    if code := dev_packages.add():
        raise Exit(code=code)
    if any(part.wants_engine for part in chosen):
        reason = suite.made_ready(lambda: prepare.prepare(progress.TerminalReporter()))
        parts.warn(reason)
    results = suite.run_all(chosen, parts)
    parts.summary(results)
    if any(result.failed for result in results):
        raise Exit(code=1)
