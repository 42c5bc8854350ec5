"""Which unfinished run is meant to be gone on with."""

from slipway.environments.environment import Environment
from slipway.errors import Refused, UsageError
from slipway.notebook.records import history
from slipway.notebook.runs.host_facts import HostFacts
from slipway.notebook.runs.preconditions import Interfaces


def pick(
    run: str, name: str, env: Environment | None, here: HostFacts, ports: Interfaces
) -> history.RunSummary:
    """Return the run that is meant. Raises UsageError where there are several, or none."""
    if run:
        found = history.find(run, ports.runs)
        refuse_another(found, run, name, env, here)
        if found.result == "running":
            raise Refused(f"{found.id} is going on in another process")
        if not found.may_be_resumed:
            raise UsageError(f"{found.id} is {found.result}: there is nothing to go on with")
        return found
    place = env.name if env else None
    rows = history.unfinished(stem(name), place, here.user, here.host, ports.runs)
    if len(rows) == 1:
        return rows[0]
    where = f" of {stem(name)}" if name else ""
    where += f" on {place}" if place else ""
    if not rows:
        raise UsageError(f"you have no unfinished run{where}; see inv runbook.history")
    lines = [f"  --resume={row.id}  {row.result} at {row.cell or 'its beginning'}" for row in rows]
    raise UsageError(
        "\n".join([f"you have {len(rows)} unfinished runs{where}; say which:", *lines])
    )


def refuse_another(
    found: history.RunSummary, run: str, name: str, env: Environment | None, here: HostFacts
) -> None:
    """Raise UsageError for a run that contradicts the rest, or another's by half its name."""
    if env and found.env != env.name:
        raise UsageError(
            f"{found.id} is a run on {found.env or 'no environment'}, not on {env.name}; "
            "nothing was run: leave out --env, or name another run"
        )
    if name and found.runbook != stem(name):
        raise UsageError(
            f"{found.id} is a run of {found.runbook}, not of {stem(name)}; "
            "nothing was run: leave out --name, or name another run"
        )
    if run != found.id and found.user != here.user:
        raise UsageError(
            f"{found.id} is a run of {found.user}; nothing was run: "
            f"to go on with it, type its whole name, --resume={found.id}"
        )


def stem(name: str) -> str:
    """Return a runbook's name as records keep it, from a name or a path."""
    return name.rpartition("/")[2].removesuffix(".md")
