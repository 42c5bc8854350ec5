"""Measurements of this project, side by side with what one would use without it."""

from .command import command


def _claims() -> list[str]:
    from benchmarks import CLAIMS

    return list(CLAIMS)


@command(
    runbook="release-slipway",
    help={"name": "One claim instead of all, such as list or migrations."},
    choices={"name": _claims},
)
def benchmark(*, name: str = "") -> None:
    """Measure what docs/benchmarks.md claims, and write it there; minutes, with an engine.

    Example: inv benchmark --name=list
    """
    import sys

    from invoke.exceptions import Exit

    from slipway.bootstrap import dev_packages
    from slipway.hosts.local import LocalHost
    from slipway.project import ROOT

    if code := dev_packages.add():
        raise Exit(code=code)
    argv = [sys.executable, "-m", "benchmarks", *([f"--name={name}"] if name else [])]
    if code := LocalHost(cwd=ROOT).attach(argv):
        raise Exit(code=code)
