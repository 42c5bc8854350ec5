"""Former values of a secret that a Swarm holds for rollbacks: removed at once where one leaked."""

import re
from collections.abc import Collection

from slipway.environments.environment import Environment
from slipway.errors import DifferenceFound, Refused
from slipway.hosts.host import Host
from slipway.secrets import delivery

USED_BY = re.compile(r"in use by the following services?: (.+)")


def names(host: Host, env: Environment, key: str) -> list[str]:
    """Return the versions of a secret, and of what is composed of it, but those of the file."""
    present = delivery.versions(env)
    if key not in present:
        raise Refused(
            f"secrets/{env.secrets_file.name} has no {key} that a service gets; nothing was removed"
        )
    # What is composed of it holds it too.
    keys = [key, *(rule.key for rule in env.rules.values() if key in rule.parts)]
    starts = tuple(f"{env.prefix}.{each}." for each in keys)
    argv = ["docker", "secret", "ls", "--format", "{{.Name}}", "--filter", f"name={env.prefix}."]
    known = host.run(argv).out.split()
    return sorted({name for name in known if name.startswith(starts)} - {*present.values()})


def remove(host: Host, env: Environment, key: str) -> str:
    """Remove all former values of a secret. No rollback brings one back.

    Raises DifferenceFound where a service still has one, which a deploy changes.
    """
    former, users = names(host, env, key), set[str]()
    for name in former:
        result = host.run(["docker", "secret", "rm", name], check=False)
        if match := USED_BY.search(result.err):
            users |= set(match[1].replace(",", " ").split())
        else:
            result.check()
    if users:
        raise DifferenceFound(
            f"{', '.join(sorted(users))} still uses a former value of {key}: inv deploy "
            f"--env={env.name}, wait until the old colour is gone (inv status), then type it again"
        )
    return f"{len(former)} former values of {key} were removed"


def demand(env: Environment, label: str, needed: Collection[str], present: Collection[str]) -> None:
    """Raise Refused where a release needs a value that is gone, and that no file has any more."""
    gone = set(needed).difference(present, delivery.versions(env).values())
    if gone:
        keys = ", ".join(sorted(name.rsplit(".", 2)[-2] for name in gone))
        raise Refused(
            f"{label} had another value of {keys}, which was removed since and is not in "
            f"secrets/{env.secrets_file.name}; nothing was changed. Deploy that release's commit "
            "with today's values instead"
        )
