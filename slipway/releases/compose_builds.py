"""How the image of a service is built, as its compose file says it."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slipway.images.sources import Build
from slipway.releases.compose_keys import Finding

IMAGE = "docker-image://"

Spec = Mapping[str, Any]


def check(model: Spec) -> Iterator[Finding]:
    """Find what a build could not be given so that it makes one image on every computer."""
    for service, spec in sorted(model.get("services", {}).items()):
        build, above = spec.get("build") or {}, ("services", service, "build")
        for name, place in sorted((build.get("additional_contexts") or {}).items()):
            if not place.startswith(IMAGE) and ("://" in place or place.startswith("service:")):
                text = f"{place[:80]}: write a folder, or {IMAGE}NAME; what is elsewhere would move"
                yield Finding((*above, "additional_contexts", name), text)
        platforms = build.get("platforms") or []
        if len(platforms) > 1:
            text = f"{', '.join(platforms)}: an image is built for one; write that of the machines"
            yield Finding((*above, "platforms"), text)
        if spec.get("platform") and not build:
            text = "an image of others is pulled for the platform of this computer; leave it out"
            yield Finding(("services", service, "platform"), text)


def read(name: str, spec: Spec) -> Build:
    """Read the build of a service."""
    build = spec["build"]
    context = Path(build.get("context") or ".")
    written = (build.get("args") or {}).items()
    others: Mapping[str, str] = build.get("additional_contexts") or {}
    return Build(
        service=name,
        image=str(spec.get("image") or ""),
        context=context,
        dockerfile=context / build.get("dockerfile", "Dockerfile"),
        args={key: str(value) for key, value in written if value is not None},
        options=tuple(_options(spec, build)),
        target=str(build.get("target") or ""),
        contexts={key: Path(place) for key, place in others.items() if IMAGE not in place},
        images={key: p.removeprefix(IMAGE) for key, p in others.items() if IMAGE in p},
        secrets={
            str(entry.get("target") or entry["source"]): str(entry["source"])
            for entry in build.get("secrets") or []
        },
        unnamed=tuple(_unnamed(build)),
    )


def _options(spec: Spec, build: Spec) -> Iterator[str]:
    """Yield the flags that make another image."""
    for flag in ("network", "shm_size"):
        if value := build.get(flag):
            yield from (f"--{flag.replace('_', '-')}", str(value))
    for host in build.get("extra_hosts") or []:
        yield from ("--add-host", host.replace("=", ":", 1))
    for key, value in sorted((build.get("labels") or {}).items()):
        yield from ("--label", f"{key}={value}")
    for key, limit in sorted((build.get("ulimits") or {}).items()):
        both = limit if isinstance(limit, dict) else {"soft": limit, "hard": limit}
        yield from ("--ulimit", f"{key}={both.get('soft', 0)}:{both.get('hard', 0)}")
    for platform in (build.get("platforms") or [spec.get("platform")])[:1]:
        if platform:
            yield from ("--platform", str(platform))


def _unnamed(build: Spec) -> Iterator[str]:
    """Yield the flags that help a build and leave its image what it is."""
    for source in build.get("cache_from") or []:
        yield from ("--cache-from", str(source))
    for agent in _ssh(build.get("ssh") or []):
        yield from ("--ssh", agent)


def _ssh(entries: Any) -> Iterator[str]:
    """Read `ssh:` in the forms that Compose prints: a list of words, of pairs, or a mapping."""
    pairs = entries.items() if isinstance(entries, dict) else entries
    for entry in pairs:
        if isinstance(entry, dict):
            entry = (entry.get("id"), entry.get("path"))
        ident, path = (str(entry), "") if isinstance(entry, str) else entry
        yield f"{ident}={path}" if path else str(ident)
