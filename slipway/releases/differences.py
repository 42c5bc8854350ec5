"""What runs in an environment and is not as the serving release says, in words."""

from slipway.cluster.observed import DeployedService, Observed
from slipway.environments.environment import Environment
from slipway.releases import stack
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release

ROLES: tuple[Role, ...] = ("data", "ops", "edge")


def differences(env: Environment, observed: Observed, release: Release, colour: str) -> list[str]:
    """Compare images and settings of what runs with the release that serves in a colour."""
    env = release.environment(env)
    stacks = [stack.role_stack(env, release, role) for role in ROLES if release.of(role)]
    stacks.append(stack.colour_stack(env, release, colour))
    described = {name: spec for each in stacks for name, spec in each["services"].items()}
    running = {
        service.name.removeprefix(f"{service.stack}_"): service
        for service in observed.services
        if service.role in ROLES or service.colour == colour
    }
    lines = [f"{name} does not run" for name in sorted(described.keys() - running.keys())]
    lines += [
        f"{name} runs, and {release.label} has no such service"
        for name in sorted(running.keys() - described.keys())
    ]
    for name in sorted(running.keys() & described.keys()):
        if parts := _parts(described[name], running[name]):
            lines.append(f"{name} runs with another {', '.join(parts)} than {release.label} has")
    return lines


def _parts(described: stack.Spec, running: DeployedService) -> list[str]:
    parts = ["image"] if described["image"] != running.image else []
    before = {
        key: str(value).replace("$$", "$")
        for key, value in (described.get("environment") or {}).items()
    }
    now = running.environment
    return parts + sorted(
        key for key in before.keys() | now.keys() if before.get(key) != now.get(key)
    )
