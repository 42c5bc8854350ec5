"""An old service as the new compose.yml has it; what a deploy refuses is said and left out."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.releases import compose_keys, host_names
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.names import Names

# Written anew, from what was decided about each.
ANEW = {
    *(
        "build",
        "command",
        "configs",
        "deploy",
        "depends_on",
        "entrypoint",
        "environment",
        "env_file",
    ),
    *("healthcheck", "image", "labels", "networks", "ports", "secrets", "volumes", "develop"),
    *("container_name", "hostname", "links", "external_links", "expose", "profiles", "restart"),
}
LIMITS = {"mem_limit": "memory", "cpus": "cpus", "pids_limit": "pids"}
OF_OTHERS = re.compile(
    r"^(?:traefik|ofelia|deck-chores|caddy|com\.docker|com\.centurylinklabs|org\.opencontainers"
    r"|homepage|diun|wud)"
)
USUAL_OPTIONS = re.compile(r"no-new-privileges")
ORDER = (
    *("image", "build", "user", "command", "entrypoint", "environment", "networks", "secrets"),
    *("volumes", "tmpfs", "healthcheck"),
)


@dataclass
class NewService:
    """What was decided about a service of the new project."""

    name: str
    reason: str
    role: str
    labels: dict[str, str] = field(default_factory=dict)
    spec: dict[str, Any] = field(default_factory=dict)
    networks: dict[str, list[str]] = field(default_factory=dict)  # each with aliases

    def ordered(self) -> dict[str, Any]:
        """Return the service as compose.yml has it."""
        networks: Any = list(self.networks)
        if any(self.networks.values()):
            networks = {
                name: {"aliases": aliases} if aliases else {}
                for name, aliases in self.networks.items()
            }
        whole = {**self.spec, "networks": networks}
        if (build := whole.get("build")) and build.keys() == {"context"}:
            whole["build"] = build["context"]
        deploy = {
            "labels": {"slipway.role": self.role, **self.labels},
            **(self.spec.get("deploy") or {}),
        }
        keys = [key for key in ORDER if key in whole]
        keys += [key for key in whole if key not in (*ORDER, "deploy")]
        return {key: whole[key] for key in keys} | {"deploy": deploy}


def carried_over(service: OldService, names: Names, draft: Draft) -> dict[str, Any]:
    """Return the keys that a deploy does as they are written, but those that are decided apart."""
    table = compose_keys.table()
    carried: dict[str, Any] = {}
    for key, value in service.spec.items():
        where = ("services", service.name, key)
        reason = table.get(f"services.*.{key}", "")
        if key in ANEW or value in (None, "", [], {}, False) or key.startswith("x-"):
            continue
        if key in LIMITS or key in ("mem_reservation", "scale", "shm_size"):
            continue  # said in other words, below
        if key == "security_opt" and all(USUAL_OPTIONS.search(str(each)) for each in value):
            draft.note(f"{service.name}: no-new-privileges is on for every container here", *where)
        elif reason and key in ("platform", "memswap_limit", "oom_score_adj"):
            draft.note(f"{service.name}: {key} is left out: a Swarm has no such option", *where)
        elif reason and f"services.*.{key}" not in compose_keys.DROPPED:
            draft.refuse(f"{service.name}: {key} is left out: {reason}", *where)
        elif not reason and not _is_unknown(key, table):
            carried[key] = value
    for key in ("command", "entrypoint"):
        if (value := service.spec.get(key)) is not None:
            carried[key] = _words(value, names)
    if check := _check(service, names):
        carried["healthcheck"] = check
    if labels := _labels(service.spec.get("labels") or {}):
        carried["labels"] = labels
    if deploy := _deploy(service, draft):
        carried["deploy"] = deploy
    if size := service.spec.get("shm_size"):
        target = "/dev/shm"  # noqa: S108  in the container
        mount = {"type": "tmpfs", "target": target, "tmpfs": {"size": int(size)}}
        carried["volumes"] = [mount]
    return carried


def build_options(service: OldService, draft: Draft) -> dict[str, Any]:
    """Return what stands beside context and Dockerfile, as far as images are built by it."""
    table, carried = compose_keys.table(), dict[str, Any]()
    for key, value in service.spec["build"].items():
        reason = table.get(f"services.*.build.{key}", "")
        if key in ("context", "dockerfile") or value in (None, "", [], {}, False):
            continue
        if f"services.*.build.{key}" in compose_keys.DROPPED:
            continue
        if reason or _is_unknown(f"build.{key}", table):
            text = f"{service.name}: build.{key} is left out: {reason or 'nothing here knows it'}"
            draft.refuse(text, "services", service.name, "build", key)
        else:
            carried[key] = value
    return carried


def secrets(names: Iterable[str], files: Mapping[str, str], user: str | None) -> list[Any]:
    """Describe the secrets of a service; without a `user`, whoever it runs as may read them."""
    described: list[Any] = []
    entries = [
        *((name, name) for name in names),
        *((name, target) for target, name in files.items()),
    ]
    for name, target in entries:
        entry: dict[str, Any] = {"source": name} | ({"target": target} if target != name else {})
        if user is None:
            entry |= {"uid": "0", "gid": "0", "mode": 0o444}
        described.append(name if entry == {"source": name} else entry)
    return described


def _check(service: OldService, names: Names) -> dict[str, Any]:
    check = dict(service.spec.get("healthcheck") or {})
    if "test" in check:
        check["test"] = _words(check["test"], names)
    return {key: value for key, value in check.items() if value not in (None, "", False)}


def _words(value: Any, names: Names) -> Any:
    if isinstance(value, str):
        return host_names.renamed(value, names.by_old)
    return [host_names.renamed(str(word), names.by_old) for word in value]


def _labels(labels: Mapping[str, Any]) -> dict[str, str]:
    return {key: str(value) for key, value in labels.items() if not OF_OTHERS.match(str(key))}


def _deploy(service: OldService, draft: Draft) -> dict[str, Any]:
    old = service.spec.get("deploy") or {}
    deploy: dict[str, Any] = {}
    replicas = old.get("replicas") or service.spec.get("scale")
    if replicas and service.role == "colour":
        deploy["replicas"] = replicas
    if resources := _resources(service, old):
        deploy["resources"] = resources
    condition = (old.get("restart_policy") or {}).get("condition")
    if condition in ("any", "on-failure") and service.role != "job":
        deploy["restart_policy"] = {"condition": condition}
    if (old.get("placement") or {}).get("constraints"):
        text = f"{service.name}: placement is left out; the machines here are others"
        draft.note(text, "services", service.name, "deploy")
    if labels := _labels(old.get("labels") or {}):
        draft.note(
            f"{service.name}: labels under deploy that are not Slipway's are left out",
            *("services", service.name, "deploy", next(iter(labels))),
        )
    return deploy


def _resources(service: OldService, old: Mapping[str, Any]) -> dict[str, Any]:
    written = old.get("resources") or {}
    resources = {part: dict(_set(written.get(part) or {})) for part in ("limits", "reservations")}
    for key, name in LIMITS.items():
        if value := service.spec.get(key):
            resources["limits"] |= dict(_set({name: value}))
    if value := service.spec.get("mem_reservation"):
        resources["reservations"] |= dict(_set({"memory": value}))
    return {part: values for part, values in resources.items() if values}


def _set(values: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if key in ("cpus", "memory", "pids") and str(value) not in ("0", "", "0.0", "-1"):
            yield key, _memory(value) if key == "memory" else value


def _memory(value: Any) -> Any:
    """Write an amount of bytes as a person does."""
    number = int(value) if str(value).isdecimal() else 0
    return f"{number >> 20}M" if number and number % (1 << 20) == 0 else value


def _is_unknown(key: str, table: Mapping[str, str]) -> bool:
    path = f"services.*.{key}"
    return path not in table and not any(each.startswith(f"{path}.") for each in table)
