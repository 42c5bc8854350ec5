"""Stack files: what the Swarm is asked to run, made from a release by pure functions.

`docker stack deploy` drops what it does not know with a warning (short tmpfs, security_opt,
addresses of ports), so a stack file is written from a list of keys that are known to work. What a
compose file may hold besides is decided where it is read, in compose_keys.
"""

import copy
import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from slipway.environments.environment import Environment
from slipway.releases import (
    edge_identity,
    edge_ports,
    mounts,
    networks,
    secret_variables,
    service_secrets,
)
from slipway.releases.application import Service
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release

Stack = dict[str, Any]  # a stack file
Spec = dict[str, Any]  # one service of it
COPIED = (
    *("command", "entrypoint", "environment", "healthcheck", "init", "read_only", "cap_drop"),
    *("cap_add", "user", "stop_grace_period", "stop_signal", "working_dir", "logging", "sysctls"),
    *("ulimits", "extra_hosts", "hostname", "dns", "dns_search", "tty", "stdin_open"),
)
# One machine after another, each when the one before serves; the Swarm puts a failed one back.
EDGE_UPDATES: Mapping[str, Any] = {
    "mode": "global",
    "update_config": {
        "order": "stop-first",
        "parallelism": 1,
        "monitor": "3s",
        "failure_action": "rollback",
    },
    "rollback_config": {"order": "stop-first", "parallelism": 0, "monitor": "500ms"},
}
ONCE = "once"  # the role of what was begun by hand beside the services of a release
PLACEHOLDER = re.compile(r"\{\{ *\.(?:Service|Node|Task)\.[\w.]+ *\}\}")  # of the Swarm


def colour_stack(env: Environment, release: Release, colour: str) -> Stack:
    """The stateless services of a release in one colour."""
    facts = {"RELEASE": str(release.number), "COMMIT": release.commit, "COLOUR": colour}
    if release.migration_head:
        facts["MIGRATION_HEAD"] = release.migration_head
    services = {}
    for service in release.of("colour"):
        spec = _service(env, release, service, facts)
        spec["networks"] = networks.of(service.spec, service.name)
        spec["deploy"]["update_config"] = {"order": "start-first", "failure_action": "pause"}
        services[f"{service.name}-{colour}"] = spec
    return assemble(env, services, release)


def role_stack(env: Environment, release: Release, role: Role) -> Stack:
    """The services of one role that are not replaced by colour: data, ops, edge."""
    services = {}
    for service in release.of(role):
        spec = _service(env, release, service, {})
        spec["networks"] = networks.of(service.spec)
        if role == "data":
            placement = spec["deploy"].setdefault("placement", {})
            placement.setdefault("constraints", []).append("node.labels.slipway.data == true")
        # Docker's own wait after each task is 5 s; the health checks have the last word here.
        spec["deploy"]["update_config"] = {"order": "stop-first", "monitor": "500ms"}
        if role == "edge":
            spec["deploy"] |= EDGE_UPDATES
            spec["ports"] = edge_ports.of(env)
        if role in edge_identity.ROLES and release.of("certificates"):
            spec["secrets"].append(edge_identity.secret(env, service.spec))
        services[service.name] = spec
    return assemble(env, services, release)


def signpost_stack(
    env: Environment, release: Release, routes: str, ident: str, nodes: int
) -> Stack:
    """The signpost that a restarted edge asks for its routes, in a stack of its own.

    `routes` names the Docker config that it shows, and `ident` what is in it; changing them
    leaves the edges alone. `nodes` is how many machines may take it.
    """
    edge = next(iter(role_stack(env, release, "edge")["services"].values()))
    spec = _signpost(edge, routes, nodes)
    spec["deploy"]["labels"] |= {"slipway.routes": ident, "slipway.spread": spread(nodes)}
    description = assemble(env, {"signpost": spec}, release)
    return description | {"configs": {routes: {"external": True, "name": routes}}}


def job_stack(
    env: Environment,
    release: Release,
    service: Service,
    extra: Mapping[str, str],
    beside: str = "",
) -> Stack:
    """One service that runs once to its end: a job, or another with a command of its own.

    That one stands `beside` the one that serves, and is never to be taken for it.
    """
    spec = _service(env, release, service, extra)
    name = f"{service.name}-{beside}" if beside else service.name
    if beside:
        spec["labels"]["slipway.service"] = name
        spec["deploy"]["labels"] |= {"slipway.service": name, "slipway.role": ONCE}
    spec["networks"] = networks.of(service.spec)
    part = ("labels", "resources", "placement")
    spec["deploy"] = {
        "mode": "replicated-job",
        **{key: spec["deploy"][key] for key in part if key in spec["deploy"]},
        "restart_policy": {"condition": "none"},
    }
    spec["healthcheck"] = {"disable": True}  # that of its image is about what serves
    return assemble(env, {name: spec}, release)


def schedule_stack(env: Environment, release: Release, schedule: str) -> Stack:
    """The ops service once more, with cron in it; `schedule` is what the container is told.

    cron has to be root to become the user that jobs run as, and may do nothing else as root.
    """
    ops = release.operations
    assert ops is not None  # noqa: S101  whoever has a schedule has operations
    facts = {"RELEASE": str(release.number), "COMMIT": release.commit, "TZ": "UTC"}
    spec = _service(env, release, ops, facts | {"SCHEDULE": schedule.replace("$", "$$")})
    spec["networks"] = networks.of(ops.spec)
    named = {"slipway.service": "schedule"}
    spec["labels"] |= named
    spec["deploy"]["labels"] |= named | {"slipway.role": "schedule"}
    spec["deploy"]["update_config"] = {"order": "stop-first", "monitor": "500ms"}
    for target in ("/run", "/etc/cron.d"):
        mount = {"type": "tmpfs", "target": target, "tmpfs": {"mode": 0o755}}
        spec["volumes"].append(mount)
    spec |= {
        "command": ["/srv/schedule"],
        "user": "0:0",
        "cap_drop": ["ALL"],
        "cap_add": ["SETUID", "SETGID"],
        "healthcheck": {
            "test": ["CMD", "pidof", "cron"],
            "interval": "30s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "30s",
            "start_interval": "500ms",
        },
    }
    description = assemble(env, {"schedule": spec}, release)
    for name in set(description["networks"]) - set(networks.SHARED_NETWORKS):
        # That of the services beside ops, not one of the same name that this stack would make.
        shared = {"external": True, "name": f"{env.prefix}-ops_{name}"}
        description["networks"][name] = shared
    spec["deploy"]["labels"]["slipway.fingerprint"] = fingerprint(description)
    return description


def together(env: Environment, release: Release) -> Stack:
    """Everything that a release is handed to the Swarm as, in one file, to be read and not run."""
    roles: tuple[Role, ...] = ("data", "ops", "edge", "certificates")
    parts = [role_stack(env, release, role) for role in roles]
    parts.append(colour_stack(env, release, "green"))
    parts += [job_stack(env, release, job, {}) for job in release.of("job")]
    whole: Stack = {"version": "3.12"}
    for part in parts:
        for kind in ("services", "networks", "volumes", "secrets"):
            whole[kind] = whole.get(kind, {}) | part.get(kind, {})
    return whole


def job_digest(env: Environment, release: Release, name: str) -> str:
    """Digest what a job would run; nothing for a release that has none of this name."""
    blank = release.blank()
    jobs = [job for job in blank.of("job") if job.name == name]
    env = release.environment(env)
    return fingerprint([job_stack(env, blank, job, {}) for job in jobs]) if jobs else ""


def differ_in_jobs(env: Environment, one: Release, other: Release) -> bool:
    """Whether a job of one would run another image, command or setting than that of the other."""
    names = {job.name for release in (one, other) for job in release.of("job")}
    return any(job_digest(env, one, name) != job_digest(env, other, name) for name in names)


def fingerprint(value: object) -> str:
    """Return a short digest of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def fingerprinted(env: Environment, release: Release, role: Role) -> Stack:
    """Return the stack of a role, every service labelled with its digest."""
    description = role_stack(env, release, role)
    for spec in description["services"].values():
        spec["deploy"]["labels"]["slipway.fingerprint"] = digest(env, release, role)
    return description


def digest(env: Environment, release: Release, role: Role) -> str:
    """Digest what a role would run; a commit that changes none of it makes no difference."""
    if role == "colour":
        return fingerprint(colour_stack(env, release.blank(), "any"))
    return fingerprint(role_stack(env, release.blank(), role))


def _service(
    env: Environment, release: Release, service: Service, facts: Mapping[str, str]
) -> Spec:
    spec = {k: copy.deepcopy(v) for k, v in service.spec.items() if k in COPIED and v is not None}
    spec["image"] = release.images[service.name]
    if "environment" in service.spec or facts:
        environment = {k: v for k, v in (spec.get("environment") or {}).items() if v is not None}
        environment |= {"ENVIRONMENT": env.name} | dict(facts)
        spec["environment"] = {key: _verbatim(str(v)) for key, v in environment.items()}
    for name, limit in (spec.get("ulimits") or {}).items():
        if isinstance(limit, dict):  # Compose leaves a nought out
            spec["ulimits"][name] = {"soft": 0, "hard": 0, **limit}
    if (spec.get("healthcheck") or {}).get("disable"):
        spec["healthcheck"] = {"disable": True}  # without what an overlay switches off
    ours = {"slipway.app": env.prefix, "slipway.service": service.name}
    spec["labels"] = {**(service.spec.get("labels") or {}), **ours}
    spec["volumes"] = mounts.of(service.spec)
    spec["secrets"] = service_secrets.of(env, release, service)
    deploy = copy.deepcopy(dict(service.spec.get("deploy") or {}))
    deploy["labels"] = dict(deploy.get("labels") or {}) | {
        "slipway.app": env.prefix,
        "slipway.service": service.name,
        "slipway.role": service.role,
    }
    deploy["endpoint_mode"] = "dnsrr"
    deploy["restart_policy"] = {"condition": "any", "delay": "1s"} | dict(
        deploy.get("restart_policy") or {}
    )
    for part in (deploy.get("resources") or {}).values():
        if "cpus" in (part or {}):
            part["cpus"] = str(part["cpus"])
    deploy = {key: value for key, value in deploy.items() if value not in ({}, None)}
    spec["deploy"] = deploy
    secret_variables.wrap(spec, service)
    return spec


def _verbatim(value: str) -> str:
    """Write a value so that the Swarm, which fills in templates of Go, leaves it as it is.

    One with nothing but the Swarm's own placeholders is meant for it: {{.Node.Hostname}}.
    """
    rest = PLACEHOLDER.sub("", value)
    return value.replace("{{", '{{"{{"}}') if "{{" in rest else value


def _signpost(edge: Spec, routes: str, nodes: int) -> Spec:
    labels = edge["deploy"]["labels"] | {"slipway.service": "signpost", "slipway.role": "signpost"}
    return {
        "image": edge["image"],
        "command": ["edge", "signpost"],
        **{key: edge[key] for key in ("user", "read_only", "cap_drop", "init") if key in edge},
        "networks": {"edge": {}},
        "labels": edge["labels"] | {"slipway.service": "signpost"},
        "volumes": [{"type": "tmpfs", "target": "/tmp", "tmpfs": {"mode": 0o1777}}],  # noqa: S108  the container's own
        "secrets": [],
        "configs": [{"source": routes, "target": "/srv/signpost/routes", "mode": 0o444}],
        "stop_grace_period": "1s",
        "deploy": {
            "labels": labels,
            "endpoint_mode": "dnsrr",
            "restart_policy": {"condition": "any", "delay": "1s"},
            "resources": {"limits": {"memory": "128M", "pids": 100}},
            **_signpost_placement(nodes),
        },
    }


def spread(nodes: int) -> str:
    """Name how the signposts are placed over so many machines, for a label."""
    return "one" if nodes < 2 else "two" if nodes == 2 else "apart"


def _signpost_placement(nodes: int) -> Spec:
    """Have two on two machines, also after a deploy and while one of two machines is lost.

    To the Swarm one that is about to be replaced counts like any other: of three machines a new one
    needs the free one; of two, the old one has to make room.
    """
    update = {"order": "start-first", "parallelism": 1, "monitor": "100ms"}
    # The Swarm starts one that failed again, and by itself goes on with the other only so.
    update["failure_action"] = "continue"
    if nodes < 2:
        return {"replicas": 1, "update_config": update}
    if nodes == 2:
        return {"replicas": 2, "update_config": update | {"order": "stop-first"}}
    return {"replicas": 2, "update_config": update, "placement": {"max_replicas_per_node": 1}}


def assemble(env: Environment, services: dict[str, Spec], release: Release) -> Stack:
    """Return the stack of services, with the networks, volumes and secrets that these name."""
    stack: Stack = {"version": "3.12", "services": services, "networks": {}}
    specs = [service.spec for service in release.services]
    volumes: dict[str, dict[str, object]] = {}
    secrets: dict[str, dict[str, object]] = {}
    for spec in services.values():
        for network in spec["networks"]:
            stack["networks"][network] = networks.describe(
                env.prefix, network, specs, is_encrypted=release.encrypts_networks
            )
        for mount in spec["volumes"]:
            if mount["type"] == "volume":
                volumes[mount["source"]] = mounts.volume(env.prefix, mount["source"], specs)
        for secret in spec["secrets"]:
            secrets[secret["source"]] = {"external": True, "name": secret["source"]}
    if volumes:
        stack["volumes"] = volumes
    if secrets:
        stack["secrets"] = secrets
    return stack
