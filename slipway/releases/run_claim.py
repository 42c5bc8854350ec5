"""Never two runs of a job at once: who begins one claims it in the Swarm's own store.

Creating a Docker config fails when its name is taken, on every manager alike. A claim holds for as
long as the job's task is under way; that of a command that was killed here is taken over.
"""

import contextlib
import json
import secrets
from collections.abc import Sequence

from slipway import shell_scripts
from slipway.cluster import lease, process
from slipway.errors import Busy, SlipwayError
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script

ENDED = frozenset({"complete", "failed", "rejected", "orphaned", "shutdown", "remove"})
YOUNG = 60  # seconds in which whoever claims may not have started the job yet
ATTEMPTS = 5

TAKE = shell_scripts.read(__file__, "run_claim_take.sh")


def take(manager: Host, app: str, service: str, *, is_let_go: bool = False) -> str:
    """Claim the one run of a job; return the claim. Raises Busy, with who runs it since when.

    One that is let go runs on when this process has ended.
    """
    owner = "" if is_let_go else process.name()
    words = (app, service, secrets.token_hex(4), lease.owner(), owner)
    for _ in range(ATTEMPTS):
        lines = script(manager, TAKE, *words, timeout=30).out.splitlines() or ["0", "null"]
        if lines[0].startswith("taken "):
            return lines[0].removeprefix("taken ")
        with reading(manager.name, f"who runs {service}"):
            stale = _stale(service, lines)
        if stale:  # by id: of two who take over at once, one finds it gone
            manager.run(["docker", "config", "rm", stale], timeout=20, check=False)
    raise Busy(f"runs of {service} begin and end too fast; retry")


def release(manager: Host, claim: str) -> None:
    """Give a claim back; one that could not be counts no more once the job has ended."""
    if claim:
        with contextlib.suppress(SlipwayError):
            manager.run(["docker", "config", "rm", claim], timeout=20, check=False)


def _stale(service: str, lines: Sequence[str]) -> str:
    """Return the id of a claim that nobody needs any more. Raises Busy for one that counts."""
    document = json.loads(lines[1])
    if document is None:
        return ""
    labels = document["Spec"]["Labels"]
    age = int(lines[0]) - int(labels["slipway.at"])
    tasks = [state.lower() for state in lines[2:]]
    has_begun = not ENDED.issuperset(tasks) if tasks else age <= YOUNG
    if has_begun and not process.is_dead(str(labels.get("slipway.process", ""))):
        raise Busy(f"{service} runs already, begun by {labels['slipway.owner']} {age} s ago")
    return str(document["ID"])
