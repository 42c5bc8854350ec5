"""What the hacking loop has that no deploy has: mounted code, tools, what waits for what."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway.releases import host_names
from slipway.scaffold import template
from slipway.scaffold.importing import mounts, variables
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.migration_job import NAME
from slipway.scaffold.importing.mounts import OldMount
from slipway.scaffold.importing.names import EDGE
from slipway.scaffold.importing.old_project import services
from slipway.yaml_file import read_yaml

DATABASE = {"db": {"condition": "service_healthy"}}
ENDED = "service_completed_successfully"
LOOPBACK = "127.0.0.1"


def describe(assembly: Assembly) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the services of compose.override.yml, and its volumes."""
    described: dict[str, Any] = {}
    for service in assembly.kept():
        if (new := assembly.named(service.name)) and (parts := _hacked(service, assembly)):
            described[new.name] = parts
    if any(new.name == NAME and new.role == "job" for new in assembly.services):
        described[NAME] = {**described.get(NAME, {}), "depends_on": dict(DATABASE)}
    described[EDGE] = _edge()
    volumes: dict[str, Any] = {}
    for service in assembly.old:
        if service.home == "loop":
            described[assembly.names[service.name]] = _tool(service, assembly, volumes)
    return described, volumes


def _edge() -> dict[str, Any]:
    """Return what the edge has otherwise in the loop of every project."""
    name = "compose/compose.override.yml"
    document = read_yaml(template.FOLDER / name, name)
    edge: dict[str, Any] = document["services"][EDGE]
    return edge


def _hacked(service: OldService, assembly: Assembly) -> dict[str, Any]:
    """Return what a service has otherwise in the loop."""
    hacked = services(assembly.draft.project.hacked).get(service.name) or service.spec
    parts: dict[str, Any] = {}
    for key in ("command", "entrypoint", "working_dir", "user"):
        value = hacked.get(key)
        if value not in (None, service.spec.get(key)) and not assembly.secrets.hold(str(value)):
            parts[key] = _renamed(value, assembly)
    if build := _build(hacked, service):
        parts["build"] = build
    if environment := dict(_environment(hacked, service, assembly)):
        parts["environment"] = environment
    if mounted := list(_mounts(hacked, assembly)):
        parts["volumes"] = mounted
    if ports := _ports(hacked, service.spec):
        parts["ports"] = ports
    if waits := _waits(hacked, service, assembly):
        parts["depends_on"] = waits
    return parts


def _build(hacked: Mapping[str, Any], service: OldService) -> dict[str, Any]:
    ours, theirs = service.spec.get("build") or {}, hacked.get("build") or {}
    if ours.get("context") != theirs.get("context"):
        return {}
    keys = [key for key in ("target", "args", "dockerfile") if theirs.get(key)]
    return {key: theirs[key] for key in keys if theirs[key] != ours.get(key)}


def _environment(
    hacked: Mapping[str, Any], service: OldService, assembly: Assembly
) -> Iterator[tuple[str, str]]:
    held = assembly.variables[service.name]
    released = service.spec.get("environment") or {}
    for key, value in (hacked.get("environment") or {}).items():
        is_ours = key in held.as_variables or value in (None, released.get(key))
        is_secret = variables.is_secret(key, str(value)) or assembly.secrets.hold(str(value))
        if not is_ours and not is_secret:
            yield key, host_names.renamed(str(value), assembly.names.by_old, key)


def _mounts(hacked: Mapping[str, Any], assembly: Assembly) -> Iterator[str]:
    """Yield code that is mounted, from where it lies now, and folders that hide what is in it."""
    held = mounts.of(hacked, assembly.draft.project.folder)
    code = [mount for mount in held if mount.content == "code" and _here(mount, assembly)]
    for mount in code:
        yield f"{_here(mount, assembly)}:{mount.target}{':ro' if mount.read_only else ''}"
    for mount in held:
        is_below = any(mount.target.startswith(f"{each.target}/") for each in code)
        if mount.content == "scratch" and mount.kind == "volume" and is_below:
            yield mount.target


def _here(mount: OldMount, assembly: Assembly) -> str:
    return assembly.images.inside(Path(mount.source))


def _ports(hacked: Mapping[str, Any], released: Mapping[str, Any]) -> list[str]:
    """Return ports that only the old loop published, on this computer alone."""
    before = {port.get("target") for port in released.get("ports") or []}
    return [
        f"{LOOPBACK}:{port['published']}:{port['target']}"
        for port in hacked.get("ports") or []
        if port.get("published") and port.get("target") not in before
    ]


def _waits(hacked: Mapping[str, Any], service: OldService, assembly: Assembly) -> dict[str, Any]:
    waits: dict[str, Any] = {}
    homes = {each.name: each for each in assembly.old}
    for name, about in (hacked.get("depends_on") or {}).items():
        other = homes.get(name)
        if other is None or other.home in ("nowhere",) or other.role == "edge":
            continue
        if other.home == "project" and assembly.named(name) is None:
            continue
        condition = about.get("condition", "service_started")
        if other.role == "data" and other.home == "kit":
            condition = "service_healthy"
        waits[assembly.names[name]] = {"condition": condition}
    job = next((s.name for s in assembly.services if s.name == NAME and s.role == "job"), "")
    if assembly.variables[service.name].speaks_to_database and service.role != "job":
        waits |= DATABASE | ({job: {"condition": ENDED}} if job else {})
    return waits


def _tool(service: OldService, assembly: Assembly, volumes: dict[str, Any]) -> dict[str, Any]:
    """Describe a service of the loop alone; passwords are not taken over."""
    spec, name = service.spec, assembly.names[service.name]
    described: dict[str, Any] = {}
    if service.is_built:
        described["build"] = assembly.images.build(service, _plain_build(spec["build"]))
        described["image"] = f"${{PROJECT}}/{name}"
    else:
        described["image"] = spec.get("image")
    for key in ("command", "entrypoint"):
        if spec.get(key) and not assembly.secrets.hold(str(spec[key])):
            described[key] = _renamed(spec[key], assembly)
    environment = {}
    for key, value in (spec.get("environment") or {}).items():
        text = host_names.renamed(str(value or ""), assembly.names.by_old, key)
        if variables.is_secret(key, text) or assembly.secrets.hold(text):
            where = ("services", service.name, "environment", key)
            assembly.draft.note(
                f"{service.name}: {key} is change-me in the loop; it was a secret", *where
            )
            text = "change-me"
        environment[key] = text
    if environment:
        described["environment"] = environment
    if ports := _ports(spec, {}):
        described["ports"] = ports
    for mount in service.mounts:
        if mount.content in ("state", "scratch") and mount.kind == "volume":
            volume = assembly.volumes.name(service, mount)
            assembly.volumes.definitions.pop(volume, None)
            volumes[volume] = {}
            described.setdefault("volumes", []).append(f"{volume}:{mount.target}")
    described["networks"] = ["edge", "data"]
    described["profiles"] = list(spec["profiles"]) if spec.get("profiles") else []
    described["deploy"] = {"labels": {"slipway.role": "colour"}}
    return {key: value for key, value in described.items() if value and key != "deploy"}


def _plain_build(build: Mapping[str, Any]) -> dict[str, Any]:
    return {key: build[key] for key in ("target", "args") if build.get(key)}


def _renamed(value: Any, assembly: Assembly) -> Any:
    if isinstance(value, str):
        return host_names.renamed(value, assembly.names.by_old)
    return [host_names.renamed(str(word), assembly.names.by_old) for word in value]
