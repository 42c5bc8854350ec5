"""Measurements of this project, side by side with what one would use without it."""

from .command import command


def _claims() -> list[str]:
    from benchmarks import CLAIMS

    return list(CLAIMS)


@command(
    runbook="release-slipway",
    help={
        "name": "One claim instead of all, such as list or migrations.",
        "machines": "With --name=deploy: on how many machines, 1,3 by default.",
        "docker_rollout": "With --name=deploy: the script of that plugin, to measure it too.",
        "before": "With --name=deploy: measure the release before as well.",
    },
    choices={"name": _claims},
)
def benchmark(
    *, name: str = "", machines: str = "", docker_rollout: str = "", before: bool = False
) -> None:
    """Measure what docs/benchmarks.md claims, and write it there; minutes, with an engine.

    Examples:
      inv benchmark --name=list
      inv benchmark --name=deploy --machines=3
    """
    import sys

    from invoke.exceptions import Exit

    from slipway.bootstrap import dev_packages
    from slipway.hosts.local import LocalHost
    from slipway.project import ROOT

    if code := dev_packages.add():
        raise Exit(code=code)
    texts = {"name": name, "machines": machines, "docker-rollout": docker_rollout}
    flags = [f"--{flag}={text}" for flag, text in texts.items() if text]
    argv = [sys.executable, "-m", "benchmarks", *flags, *(["--before"] if before else [])]
    if code := LocalHost(cwd=ROOT).attach(argv):
        raise Exit(code=code)
