"""Consoles: a container of its own with what a service has, in which a person types.

Only a task of the Swarm gets the Swarm's secrets. So one is started that does nothing but wait, and
the console is a command in it, which begins where the image's own would.
"""

import json
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from slipway.cluster import stacks
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, SlipwayError, UsageError
from slipway.hosts import parallel
from slipway.hosts.host import Host, script
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.releases import compose_labels, jobs, one_off, secret_variables
from slipway.releases.jobs import JobFailed

LABEL = "slipway.console"
SHELL = "sh"
LONGEST = 8 * 3600  # seconds; then it ends by itself, also where nobody is there any more
PATIENCE = 60.0
POLL = 0.3

FIND = 'docker ps -q --filter status=running --filter "label=com.docker.swarm.service.name=$1"'
ENTRYPOINT = ["docker", "image", "inspect", "--format", "{{json .Config.Entrypoint}}"]


def enter(env: Environment, name: str, command: Sequence[str], *, tty: bool) -> int:
    """Open a console of a service of the serving release; return what it ended with.

    Its container is removed when it is left. Raises JobFailed where it does not start.
    """
    with connect.connected(env, lenient=True) as cluster:
        manager, release = cluster.manager, one_off.serving(env, cluster)
        labels = {one.name: compose_labels.of(one.spec) for one in release.services}
        name = name or choose(labels)
        service = one_off.find(env, release, name)
        command = command or command_of(name, labels[name])
        one_off.sweep(manager, env.prefix, one_off.LEFT)
        waits = {"entrypoint": ["sleep", str(LONGEST)], "command": None, "init": True}
        waiting = replace(service, role="colour", spec={**service.spec, **waits})
        job = one_off.job_of(release, waiting)
        where = jobs.stack_of(env, job)
        try:
            outcome = jobs.start(manager, release.environment(env), release, job, PATIENCE)
            if not outcome.succeeded:
                raise JobFailed(f"no console of {name}: {outcome.error or 'it ended at once'}")
            host, ident = _container(cluster, f"{where}_{job.name}")
            entry = service.spec.get("entrypoint") or _entrypoint(host, release.images[name])
            first = [*secret_variables.before(service.spec), *_plain(entry)]
            flags = ["--interactive", "--tty"] if tty else ["--interactive"]
            return host.attach(["docker", "exec", *flags, ident, *first, *command])
        finally:
            stacks.remove(manager, where)


def of_loop(model: Mapping[str, Any], name: str, command: Sequence[str]) -> tuple[str, list[str]]:
    """Return whose console is meant in the hacking loop, and its command."""
    services = model.get("services") or {}
    labels = {each: compose_labels.of(spec) for each, spec in services.items()}
    name = name or choose(labels)
    return name, list(command) or command_of(name, labels.get(name) or {})


def choose(labels: Mapping[str, Mapping[str, str]]) -> str:
    """Return the one service that has a console of its own. Raises UsageError."""
    names = sorted(name for name, own in labels.items() if own.get(LABEL))
    if len(names) == 1:
        return names[0]
    among = f"one of {', '.join(names)} is meant" if names else f"none has the label {LABEL}"
    raise UsageError(f"--service is required, --service=api for example: {among}")


def command_of(name: str, labels: Mapping[str, str]) -> list[str]:
    """Return the command of a service's console: its label's, else a shell. Raises ConfigError."""
    try:
        return shlex.split(str(labels.get(LABEL, "")).replace("$$", "$")) or [SHELL]
    except ValueError as error:
        where = f"services.{name}.deploy.labels.{LABEL}"
        raise ConfigError(f"compose/compose.yml: {where}: {str(error).lower()}") from None


def _container(cluster: Cluster, service: str) -> tuple[Host, str]:
    """Find the one container of a service."""
    deadline = time.monotonic() + PATIENCE
    while True:
        for host, ident in parallel.each(cluster.all, lambda host: (host, _find(host, service))):
            if ident:
                return host, ident
        if time.monotonic() > deadline:
            raise SlipwayError(f"the container of {service} is on no machine that is reached")
        time.sleep(POLL)


def _find(host: Host, service: str) -> str:
    return (script(host, FIND, service, timeout=20).out.split() or [""])[0]


def _entrypoint(host: Host, image: str) -> list[str]:
    words: list[str] | None = json.loads(host.run([*ENTRYPOINT, image], timeout=20).out)
    return words or []


def _plain(entry: str | Sequence[str]) -> list[str]:
    words = shlex.split(entry) if isinstance(entry, str) else entry
    return [word.replace("$$", "$") for word in words]
