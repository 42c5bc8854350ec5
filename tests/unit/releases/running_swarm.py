"""What a Swarm says that runs one release of a small project, perhaps with a schedule."""

import json
from typing import Any

from slipway.cluster import observed
from slipway.cluster.observed import Observed
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.releases import stack
from slipway.releases.application import Service
from slipway.releases.release import Release

ENV = environment.load("dev")
DATABASE = {"DATABASE_HOST": "db", "DATABASE_PORT": "5432", "DATABASE_NAME": "shop"}
VOLUME = {"type": "volume", "source": "db", "target": "/data"}
SERVICES = (
    Service("db", "data", {"environment": {"POSTGRES_DB": "shop"}, "volumes": [VOLUME]}),
    Service("ops", "ops", {"environment": DATABASE}),
    Service("edge", "edge", {}),
    Service(
        "api",
        "colour",
        {
            "environment": {"PRICE": "5 $$"},
            "command": ["serve", "$$HOME"],
            "healthcheck": {"test": ["CMD", "true"]},
        },
    ),
)
IMAGES = {service.name: f"sha256:{service.name}" for service in SERVICES}
RELEASE = Release(3, "c0ffee", IMAGES, IMAGES, IMAGES, {}, SERVICES)
POLICY = '{"smoke": "$a {{b}}"}'


def line(word: str, *parts: Any) -> str:
    return "\t".join([word, *map(json.dumps, parts)])


def node(name: str, state: str = "ready") -> str:
    """A manager; m1 keeps the data."""
    labels = {"slipway.machine": name} | ({"slipway.data": "true"} if name == "m1" else {})
    spec = {"Availability": "active", "Role": "manager", "Labels": labels}
    about = {"Hostname": f"host-{name}", "Engine": {}}
    health = {"State": state, "Addr": "10.0.0.1"}
    return line("node", {"ID": name, "Description": about, "Spec": spec, "Status": health})


def running(
    release: Release = RELEASE,
    colour: str = "blue",
    scheduled: Release | None = None,
    **changes: str,
) -> Observed:
    """Read what a Swarm would say that runs this release; changes are of its environment.

    The schedule, where there is one, may be of another release.
    """
    stacks = {**standing(ENV, release), colour: stack.colour_stack(ENV, release, colour)}
    if scheduled:
        stacks["schedule"] = stack.schedule_stack(ENV, scheduled, POLICY)
    return observed.parse("\n".join(describe(ENV, stacks, **changes)))


def standing(env: Environment, release: Release = RELEASE) -> dict[str, stack.Stack]:
    """The stacks that stay, by name."""
    return {role: stack.role_stack(env, release, role) for role in ("data", "ops", "edge")}


def describe(env: Environment, stacks: dict[str, stack.Stack], **changes: str) -> list[str]:
    """The lines that a manager prints of stacks and of release 3, which is live."""
    lines = [line("swarm", "active true"), line("now", 1000)]
    for name, description in stacks.items():
        for service, spec in description["services"].items():
            settings = {k: v.replace("$$", "$") for k, v in spec.get("environment", {}).items()}
            settings |= {key: value for key, value in changes.items() if key in settings}
            mounts = [m["source"] for m in spec["volumes"] if m["type"] == "volume"]
            volumes = [description["volumes"][source]["name"] for source in mounts]
            container = {
                "Image": spec["image"],
                "Env": [f"{k}={v}" for k, v in settings.items()],
                "Args": [word.replace("$$", "$") for word in spec.get("command", [])],
                "Command": spec.get("entrypoint"),
                "Secrets": [{"SecretName": each["source"]} for each in spec["secrets"]],
                "Mounts": [{"Type": "volume", "Source": name} for name in volumes],
            }
            labels = {"com.docker.stack.namespace": f"{env.prefix}-{name}"}
            labels |= spec["deploy"]["labels"]
            whole: dict[str, Any] = {"Name": f"{env.prefix}-{name}_{service}", "Labels": labels}
            if spec["deploy"].get("mode") != "global":
                whole["Mode"] = {"Replicated": {"Replicas": spec["deploy"].get("replicas", 1)}}
            whole["TaskTemplate"] = {"ContainerSpec": container}
            lines.append(line("service", {"ID": service, "Spec": whole}))
    facts = {"slipway.result": "live", "slipway.release": "3", "slipway.database": "db:5432/shop"}
    facts |= {"slipway.colour": "blue"}
    names = ("release.00003", "event.1")
    return [
        *lines,
        *(line("config", n, f"{env.prefix}.{name}", facts) for n, name in enumerate(names)),
    ]
