"""What handled keys of a compose file may hold, so that a Swarm does what `inv up` does."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from slipway.releases import compose_labels, mounts
from slipway.releases.compose_keys import Finding

Spec = Mapping[str, Any]
ONE = ("data", "ops", "certificates")  # roles of which there is one of each service
DRIVERS = ("overlay", "bridge", "default")  # a bridge is what Compose makes of nothing
ROLE_MODES = {"edge": ("global",), "job": ("replicated-job",), "data": ("replicated",)}


def check(model: Spec) -> Iterator[Finding]:
    """Find values that a deploy would not keep as they are written."""
    for name, spec in sorted(model.get("services", {}).items()):
        for rule in SERVICE_RULES:
            for finding in rule(spec):
                yield Finding(("services", name, *finding.keys), finding.text)
    yield from _shared_volumes(model)
    project = str(model.get("name", ""))
    for kind in ("networks", "volumes", "secrets"):
        for name, spec in sorted((model.get(kind) or {}).items()):
            yield from _named(kind, name, spec or {}, f"{project}_{name}")
    for name, spec in sorted((model.get("networks") or {}).items()):
        driver = (spec or {}).get("driver", "overlay")
        if driver not in DRIVERS or (driver == "bridge" and (spec or {}).get("driver_opts")):
            text = f"machines are joined by networks of the driver overlay, not {driver}"
            yield Finding(("networks", name, "driver"), text)


def _shared_volumes(model: Spec) -> Iterator[Finding]:
    """Find volumes of services on different machines, where each would have one of its own."""
    users: dict[str, dict[str, str]] = {}
    for name, spec in sorted(model.get("services", {}).items()):
        for mount in spec.get("volumes") or []:
            if mount.get("type") == "volume" and mount.get("source"):
                users.setdefault(mount["source"], {})[name] = _role(spec)
    for volume, roles in sorted(users.items()):
        about = (model.get("volumes") or {}).get(volume) or {}
        is_remote = about.get("driver_opts") or about.get("driver", "local") != "local"
        if len(roles) > 1 and set(roles.values()) != {"data"} and not is_remote:
            who = " and ".join(f"{name} ({role})" for name, role in roles.items())
            text = f"{who} may run on different machines, and each would have a volume of its own"
            yield Finding(("volumes", volume), text)


def _named(kind: str, name: str, spec: Spec, default: str) -> Iterator[Finding]:
    if spec.get("external"):
        if kind == "networks":
            yield Finding((kind, name, "external"), "an environment has networks of its own")
        if kind == "secrets":
            text = "secrets come from secrets/<environment>.sops.yaml; write file: for the loop"
            yield Finding((kind, name, "external"), text)
    elif spec.get("name", default) != default:
        text = (
            f"leave it out; it is called <PROJECT>-<environment>-{name}, so that no two "
            "environments share it"
        )
        if kind == "volumes":
            text += ". For a volume that exists already write external: true beside its name"
        yield Finding((kind, name, "name"), text)


def _values(spec: Spec) -> Iterator[Finding]:
    for key, value in (spec.get("environment") or {}).items():
        if value is None:
            text = (
                "takes its value from the shell of whoever deploys; set it in an env file and "
                "compose/settings.yml, or make it a secret"
            )
            yield Finding(("environment", key), text)


def _build(spec: Spec) -> Iterator[Finding]:
    if spec.get("build") and not spec["build"].get("context"):
        yield Finding(("build",), "names no context; write the folder that it is built from")


def _mounts(spec: Spec) -> Iterator[Finding]:
    for text in _list(spec.get("tmpfs")):
        if reason := mounts.tmpfs_complaint(text):
            yield Finding(("tmpfs",), f"{text}: {reason}")
    for mount in spec.get("volumes") or []:
        if reason := mounts.complaint(mount, _role(spec)):
            yield Finding(("volumes",), reason)


def _deploy(spec: Spec) -> Iterator[Finding]:
    deploy, role = spec.get("deploy") or {}, _role(spec)
    mode = deploy.get("mode", "")
    modes = ROLE_MODES.get(role, ("replicated", "global"))
    if mode and mode not in modes:
        text = f"a service with role {role} runs as {' or '.join(modes)}, not {mode}"
        yield Finding(("deploy", "mode"), text)
    replicas = deploy.get("replicas")
    if replicas is not None and "global" in (mode, *modes[:1]):
        yield Finding(("deploy", "replicas"), "there is one on every machine; leave it out")
    if role in ONE and replicas not in (None, 1):
        yield Finding(("deploy", "replicas"), f"of a service with role {role} there is one")
    if deploy.get("endpoint_mode", "dnsrr") != "dnsrr":
        text = "services are found by the addresses of their containers (dnsrr); leave it out"
        yield Finding(("deploy", "endpoint_mode"), text)
    if role == "job" and deploy.get("restart_policy"):
        yield Finding(("deploy", "restart_policy"), "a job runs once; leave it out")


def _user(spec: Spec) -> Iterator[Finding]:
    user, secrets = str(spec.get("user") or ""), spec.get("secrets") or []
    has_own = any(not secret.get("uid") for secret in secrets)
    if has_own and not all(part.isdecimal() for part in user.split(":") if user):
        text = (
            f"{user}: a name is known inside the image only, and secrets are to be its own; write "
            'the numbers, such as "10001:10001"'
        )
        yield Finding(("user",), text)
    for secret in secrets:
        for key in ("uid", "gid"):
            if not str(secret.get(key) or 0).isdecimal():
                text = f"{secret[key]}: write the number of a {'user' if key == 'uid' else 'group'}"
                yield Finding(("secrets",), text)


def _labels(spec: Spec) -> Iterator[Finding]:
    for key in spec.get("labels") or {}:
        if key.startswith("slipway."):
            yield Finding(("labels", key), "write it under deploy.labels")


def _role(spec: Spec) -> str:
    return compose_labels.of(spec).get("slipway.role", "")


def _list(value: str | list[str] | None) -> list[str]:
    return [value] if isinstance(value, str) else list(value or [])


SERVICE_RULES: tuple[Callable[[Spec], Iterator[Finding]], ...] = (
    *(_values, _build, _mounts, _deploy, _user, _labels),
)
