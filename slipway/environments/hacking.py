"""The hacking loop: plain Compose on this computer, code mounted, one container of each service."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.environments import compose_errors, envfile, loop_owner
from slipway.errors import ConfigError, Refused, SlipwayError, UsageError
from slipway.hosts import docker_client
from slipway.hosts.host import CommandResult, Host
from slipway.hosts.local import LocalHost
from slipway.project import COMPOSE, STATE
from slipway.suggest import nearest

# In compose/.env, which plain `docker compose` reads; above it is what a team wrote itself.
MARK = "# --- What follows is written by inv bootstrap, from common.env and dev.env."
VARIABLES = STATE / "dev" / "secret-variables.json"  # dev's secrets that services get as variables
# What reaches Compose of the caller's shell: what docker, git and ssh need to work at all, how
# Compose shows its progress, and the loop's own variables. Any other could take the place of a
# setting: DATABASE_NAME, or COMPOSE_PROJECT_NAME, with which `inv down` would remove another loop.
NAMED = re.compile(
    r"PATH|HOME|USER|LOGNAME|TMPDIR|TERM|COLORTERM|NO_COLOR|LANG|LC_\w+|XDG_\w+|SSH_AUTH_SOCK"
    r"|SSL_CERT_(FILE|DIR)|(http|https|all|no)_proxy|(HTTP|HTTPS|ALL|NO)_PROXY"
    r"|(DOCKER|BUILDKIT|BUILDX)_\w+|COMPOSE_(ANSI|PROGRESS|STATUS_STDOUT|PARALLEL_LIMIT)"
    r"|HACKING_\w+"
)


def up(explain: Callable[[Host, str], Iterable[str]] = lambda host, project: ()) -> None:
    """Build and start everything, and wait until it is healthy; `explain` says why it is not."""
    loop_owner.claim(LocalHost(), _project(), COMPOSE.parent)
    order = starting_order(model())
    code = _bring_up(order.first) if order.jobs else 0
    for job in order.jobs:
        if code == 0 and (ended := run(job, [], tty=False)) != 0:
            raise SlipwayError(f"{job} ended with {ended}; its output is above")
    if (code := code or _bring_up(order.services)) != 0:
        reasons = [f"  {reason}" for reason in explain(LocalHost(), _project())]
        text = f"docker compose up ended with {code}; its output is above"
        raise SlipwayError("\n".join([text, *reasons]))


@dataclass(frozen=True)
class StartingOrder:
    """What `up` starts: before jobs of the release phase what keeps data; then all but jobs."""

    first: list[str]
    jobs: list[str]
    services: list[str]


def starting_order(model: Mapping[str, Any]) -> StartingOrder:
    """Read from the loop's files what starts, as a deploy would; other jobs wait until asked for.

    A job that a service depends on is Compose's to start.
    """
    specs = {
        n: s for n, s in sorted((model.get("services") or {}).items()) if not s.get("profiles")
    }
    labels = {name: (spec.get("deploy") or {}).get("labels") or {} for name, spec in specs.items()}
    awaited = {name for spec in specs.values() for name in spec.get("depends_on") or {}}
    jobs = [name for name in specs if labels[name].get("slipway.role") == "job"]
    return StartingOrder(
        [name for name in specs if labels[name].get("slipway.role") == "data"],
        [name for name in jobs if name not in awaited and labels[name].get("slipway.phase")],
        [name for name in specs if name not in jobs],
    )


def _bring_up(services: Sequence[str]) -> int:
    argv = ["up", "--build", "--detach", "--wait", "--remove-orphans", *services]
    return _host().attach([*command(), *argv])


def down(*, volumes: bool) -> None:
    """Stop everything; the database stays unless `volumes` says otherwise."""
    loop_owner.refuse_another(LocalHost(), _project(), COMPOSE.parent)
    _attach(["down", "--remove-orphans", *(["--volumes"] if volumes else [])])
    if volumes:
        loop_owner.release(LocalHost(), _project())


def _project() -> str:
    return variables({})["PROJECT"]


def logs(service: str, *, lines: int, live: bool, on_line: Callable[[str], None]) -> int:
    """Hand over the log lines of one service, or of all; `live` keeps on as they come."""
    argv = ["logs", "--no-color", "--tail", str(lines), *(["--follow"] if live else [])]
    return _host().follow([*command(), *argv, *([service] if service else [])], on_line)


def execute(service: str, argv: Sequence[str], *, tty: bool) -> int:
    """Run a command in the container of a service."""
    _demand_running(service)
    flags = [] if tty else ["--no-TTY"]
    return _host().attach([*command(), "exec", *flags, service, *argv])


def run(service: str, words: Sequence[str], *, tty: bool) -> int:
    """Run a service once, in a container of its own that is removed, with what it depends on."""
    loop_owner.refuse_another(LocalHost(), _project(), COMPOSE.parent)
    builder = builder_of(model().get("services") or {}, service)
    if builder and (code := _host().attach([*command(), "build", builder])) != 0:
        return code
    flags = ["--rm", "--build", *([] if tty else ["--no-TTY"])]
    return _host().attach([*command(), "run", *flags, service, *words])


def builder_of(services: Mapping[str, Any], name: str) -> str:
    """Name the service that builds the image of one that has no build; Compose would pull it.

    Raises UsageError for a service that there is not.
    """
    if name not in services:
        hint = nearest(name, services) or f" (one of: {', '.join(sorted(services))})"
        raise UsageError(f"the hacking loop has no service {name[:40]!a}{hint}")
    image = None if services[name].get("build") else services[name].get("image")
    builds = {each: spec.get("image") for each, spec in services.items() if spec.get("build")}
    return next((each for each, other in sorted(builds.items()) if image and other == image), "")


def ask(service: str, argv: Sequence[str]) -> CommandResult:
    """Run a command in the container of a service, and return what it says."""
    return _host().run([*command(), "exec", "--no-TTY", service, *argv], check=False)


def _demand_running(service: str) -> None:
    """Raise Refused where the loop does not run, or not with this service."""
    argv = ["docker", "ps", "--filter", f"label={loop_owner.PROJECT}={_project()}"]
    argv += ["--format", f'{{{{.Label "{loop_owner.SERVICE}"}}}}']
    running = sorted(set(LocalHost().run(argv, timeout=20).out.split()))
    other = f"or look into an environment: --env=dev --service={service}"
    if not running:
        raise Refused(f"the hacking loop does not run; start it: inv up, {other}")
    if service not in running:
        hint = nearest(service, running) or f" (there are {', '.join(running)})"
        raise Refused(f"no {service[:60]} runs in the hacking loop{hint}; {other}")


def address() -> str:
    """Return where the loop's edge is open on this computer."""
    result = _host().run([*command(), "port", "edge", "8080"], timeout=20)
    port = result.out.strip().rpartition(":")[2]
    address = docker_client.look().address.replace(docker_client.LOOPBACK, "localhost")
    return f"http://{address}:{port}"


def command(compose: Path = COMPOSE, variables: Path = VARIABLES) -> list[str]:
    """Return how Compose is called: with the settings of dev, as a deploy there is."""
    argv = ["docker", "compose", "--project-directory", str(compose)]
    for name in (".env", "common.env", "dev.env"):
        argv += ["--env-file", str(compose / name)] if (compose / name).is_file() else []
    for path in files(compose, variables):
        argv += ["--file", str(path)]
    return argv


def files(compose: Path, variables: Path = VARIABLES) -> list[Path]:
    """List the files of the loop, where Slipway adds one; none: Compose finds them itself."""
    names = ("compose.override.yml", "compose.override.yaml")
    whole = [
        *(compose / "compose.yml", static_file(compose)),
        *(compose / name for name in names),
        variables,
    ]
    written = static_file(compose).is_file() or variables.is_file()
    return [path for path in whole if path.is_file()] if written else []


def static_file(compose: Path = COMPOSE) -> Path:
    """Return where the services of folders of static files stand, as routes.yml names them."""
    return compose.parent / STATE.name / "dev" / "static-services.json"


def model(compose: Path = COMPOSE) -> dict[str, Any]:
    """Return what Compose makes of the loop's files. Raises ConfigError, without a value."""
    argv = command(compose, Path(os.devnull))
    host = LocalHost(env=variables(os.environ, compose), cwd=compose)
    result = host.run([*argv, "--profile", "*", "config", "--format", "json"], check=False)
    if result.code != 0:
        reason = compose_errors.read(result.err).reason
        raise ConfigError(f"the compose files of the hacking loop are invalid: {reason}")
    merged: dict[str, Any] = json.loads(result.out)
    return merged


def _attach(argv: Sequence[str]) -> None:
    code = _host().attach([*command(), *argv])
    if code != 0:
        raise SlipwayError(f"docker compose {argv[0]} ended with {code}; its output is above")


def variables(shell: Mapping[str, str], compose: Path = COMPOSE) -> dict[str, str]:
    """Return the variables that Compose gets: those named of a shell's that are no settings, and
    the project's name.
    """
    known = settings(compose)
    named = {k: v for k, v in shell.items() if NAMED.fullmatch(k) and k not in known}
    return named | {key: known[key] for key in ("PROJECT",) if key in known}


def settings(compose: Path = COMPOSE) -> dict[str, str]:
    """Return the settings that the loop has, as a deploy to dev: common.env, then dev.env."""
    own = compose / "dev.env"
    return envfile.read(compose / "common.env") | (envfile.read(own) if own.is_file() else {})


def _host() -> LocalHost:
    return LocalHost(env=variables(os.environ), cwd=COMPOSE)
