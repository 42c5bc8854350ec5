"""Secrets that a program reads as variables: the first process of its container sets them.

The Swarm knows names alone. A shell in the image reads the files below /run/secrets and becomes
the image's program. That is read from the image once it is built, for who replaces an entrypoint
loses it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from slipway import shell_scripts
from slipway.errors import ConfigError
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.images.sources import Image
from slipway.releases.application import Service
from slipway.releases.compose_variables import LABEL, of
from slipway.releases.release import PROGRAM, Release

FOLDER = "/run/secrets/"
_LINES = shell_scripts.read(__file__, "secret_variables.sh").splitlines()
SET = "\n".join(line for line in _LINES if not line.startswith("#"))  # ps shows it
BEGIN = ["/bin/sh", "-euc", SET, "slipway"]
READ = shell_scripts.read(__file__, "secret_variables_program.sh")


def wrap(spec: dict[str, Any], service: Service) -> None:
    """Have the service of a stack file begin, and be probed, with its variables."""
    first = [_escaped(word) for word in before(service.spec)]
    if not first:
        return
    program = service.spec.get(PROGRAM) or {}
    own_entrypoint, own_command = spec.get("entrypoint"), spec.get("command")
    entrypoint = own_entrypoint or [*map(_escaped, program.get("entrypoint") or [])]
    if own_command is None and not own_entrypoint:
        own_command = [*map(_escaped, program.get("command") or [])]
    spec["entrypoint"] = [*first, *_words(entrypoint)]
    if own_command:
        spec["command"] = own_command
    test = (spec.get("healthcheck") or {}).get("test")
    if isinstance(test, list) and test[:1] == ["CMD"]:
        spec["healthcheck"]["test"] = ["CMD", *first, *test[1:]]
    elif isinstance(test, list) and test[:1] == ["CMD-SHELL"]:
        spec["healthcheck"]["test"] = ["CMD", *first, "/bin/sh", "-c", *test[1:]]


def before(spec: Mapping[str, Any]) -> list[str]:
    """Return the words that set the variables of a service, to stand before its program."""
    variables = of(spec)
    if not variables:
        return []
    files = {e["source"]: str(e.get("target") or e["source"]) for e in spec["secrets"]}
    words = [f"{n}={FOLDER}{files[s].removeprefix(FOLDER)}" for n, s in variables.items()]
    return [*BEGIN, *words, "--"]


def within(entrypoint: Sequence[str]) -> list[str]:
    """Return what sets the variables of a container that runs, to stand before another program."""
    words = list(entrypoint)
    return words[: words.index("--") + 1] if words[:4] == BEGIN else []


def without(words: Sequence[str]) -> list[str]:
    """Return a command as the compose file has it, without what sets its variables."""
    if list(words[1:5]) != BEGIN:
        return list(words)
    return [words[0], *words[words.index("--") + 1 :]]


def with_programs(release: Release, host: Host, images: Mapping[str, Image]) -> Release:
    """Return a release that says what its images start; `images` are those that are here, by tag.

    Raises ConfigError for an image without a shell, or without a program.
    """
    services = []
    for service in release.services:
        image = images.get(release.tags[service.name])
        if of(service.spec) and image is not None:
            program = _program(service, host, image)
            service = replace(service, spec={**service.spec, PROGRAM: program})
        services.append(service)
    return replace(release, services=tuple(services))


def inherited(release: Release, live: Release) -> Release:
    """Return a release that knows of the serving one what images start that both have."""
    known = {s.name: s.spec[PROGRAM] for s in live.services if PROGRAM in s.spec}
    services = [
        replace(service, spec={**service.spec, PROGRAM: known[service.name]})
        if service.name in known and live.tags[service.name] == release.tags[service.name]
        else service
        for service in release.services
    ]
    return replace(release, services=tuple(services))


def unknown(release: Release) -> set[str]:
    """Return the tags of images of which it has to be known what they start, and is not."""
    lacking = (s for s in release.services if of(s.spec) and PROGRAM not in s.spec)
    return {release.tags[service.name] for service in lacking}


def _program(service: Service, host: Host, image: Image) -> dict[str, Any]:
    text = script(host, READ, image.id, timeout=60).out
    with reading(host.name, f"what {image.tag} starts"):
        shell, entrypoint, command = text.splitlines()
        program = {"entrypoint": json.loads(entrypoint), "command": json.loads(command)}
    where = f"compose/compose.yml: services.{service.name}: {LABEL}"
    if shell != "sh":
        raise ConfigError(
            f"{where} needs a shell in its image, which has no /bin/sh; have the program read "
            f"{FOLDER}NAME, or build it on a base with a shell"
        )
    if not any((*program.values(), service.spec.get("command"), service.spec.get("entrypoint"))):
        raise ConfigError(f"{where}: its image does not say what it starts; write command:")
    return program


def _words(value: object) -> list[str]:
    return [value] if isinstance(value, str) else [str(each) for each in value or []]  # type: ignore[attr-defined]


def _escaped(text: str) -> str:
    """Keep Docker from filling in variables of its own."""
    return text.replace("$", "$$")
