"""What runs in an environment and is not as the serving release says, in words."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from slipway.cluster.observed import DeployedService, Observed
from slipway.environments.environment import Environment
from slipway.releases import edge_identity, stack
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release

ROLES: tuple[Role, ...] = ("data", "ops", "edge", "certificates")


def differences(env: Environment, observed: Observed, release: Release, colour: str) -> list[str]:
    """Compare all that runs with the release that serves in a colour."""
    lines = [line for role in ROLES for line in of_role(env, observed, release, role)]
    lines += of_colour(env, observed, release, colour)
    return [*lines, *of_schedule(release.environment(env), observed, release)]


def of_colour(
    env: Environment,
    observed: Observed,
    release: Release,
    colour: str,
    without: Sequence[str] = (),
) -> list[str]:
    """Compare the services of a colour with what a release says of them, but for some."""
    running = [service for service in observed.services if service.colour == colour]
    described = stack.colour_stack(release.environment(env), release, colour)
    for name in without:
        del described["services"][f"{name}-{colour}"]
    return list(_compare(described, running, release))


def of_role(env: Environment, observed: Observed, release: Release, role: Role) -> list[str]:
    """Compare the services of a role that stays with what a release says of them."""
    running = [service for service in observed.services if service.role == role]
    if role == "edge" and not release.of("certificates"):  # whose edges may have it from before
        spare = {edge_identity.name(env)}
        running = [replace(service, secrets=service.secrets - spare) for service in running]
    described = stack.role_stack(release.environment(env), release, role)
    return list(_compare(described, running, release))


def of_schedule(env: Environment, observed: Observed, release: Release) -> list[str]:
    """Compare the schedule, where there is one, with what a release would run as such.

    Its policy is of no release: it is taken as it runs.
    """
    running = [service for service in observed.services if service.role == "schedule"]
    if not running:
        return []
    if not release.of("ops"):
        return [f"schedule runs, and {release.label} has no operations"]
    described = stack.schedule_stack(release.environment(env), release, "")
    policy = running[0].environment.get("SCHEDULE", "")
    described["services"]["schedule"]["environment"]["SCHEDULE"] = policy.replace("$", "$$")
    return list(_compare(described, running, release))


def _compare(
    description: stack.Stack, services: Sequence[DeployedService], release: Release
) -> Iterator[str]:
    described = description["services"]
    running = {service.name.removeprefix(f"{service.stack}_"): service for service in services}
    for name in sorted(described.keys() - running.keys()):
        yield f"{name} does not run"
    for name in sorted(running.keys() - described.keys()):
        yield f"{name} runs, and {release.label} has no such service"
    for name in sorted(running.keys() & described.keys()):
        if parts := list(_parts(description, described[name], running[name])):
            yield f"{name} runs with another {', '.join(parts)} than {release.label} has"


def _parts(description: stack.Stack, spec: stack.Spec, running: DeployedService) -> Iterator[str]:
    names = description.get("volumes") or {}
    volumes = [mount["source"] for mount in spec["volumes"] if mount["type"] == "volume"]
    replicas = spec["deploy"].get("replicas", 1)
    pairs = {
        "image": (spec["image"], running.image),
        "entrypoint": (_words(spec.get("entrypoint")), running.entrypoint),
        "command": (_words(spec.get("command")), running.command),
        "secrets": ({entry["source"] for entry in spec["secrets"]}, running.secrets),
        "volumes": ({names[source]["name"] for source in volumes}, running.volumes),
        "number of replicas": (
            replicas,
            replicas if running.replicas is None else running.replicas,
        ),
    }
    yield from (part for part, (before, now) in pairs.items() if before != now)
    before = {key: _plain(value) for key, value in (spec.get("environment") or {}).items()}
    now = running.environment
    yield from sorted(key for key in before.keys() | now.keys() if before.get(key) != now.get(key))


def _words(value: str | Sequence[str] | None) -> tuple[str, ...]:
    return tuple(map(_plain, value or ()))


def _plain(value: object) -> str:
    """Return a value as a container has it: in a stack file a dollar sign stands twice."""
    return str(value).replace("$$", "$")
