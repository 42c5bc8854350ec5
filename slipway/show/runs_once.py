"""How a run ended, or how to follow one that goes on."""

from slipway.environments.environment import Environment
from slipway.releases.one_off import RunResult
from slipway.show.writer import say, tell


def show(env: Environment, result: RunResult) -> None:
    """Say what a run came to; its own lines have been shown."""
    name = f"--env={env.name} --service={result.service}"
    if result.code is None:
        say(f"{result.service} runs in {env.name}, release {result.release}")
        say(f"follow it: inv logs {name} --follow")
        say(f"how it ended: inv status --env={env.name}")
    elif result.code:
        reason = result.reason or f"it ended with {result.code}"
        tell(f"{result.service} failed after {result.seconds:.0f} s ({reason})")
    else:
        tell(f"{result.service} is done after {result.seconds:.0f} s")
