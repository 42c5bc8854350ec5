"""What becomes of the mounts of an old service: volumes, files in the image, code in the loop."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slipway.releases.volume_labels import LABEL
from slipway.scaffold.importing import mounts
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.mounts import OldMount

TAKEN = ("db", "drill", "edge", "restic", "scratch")  # volumes of Slipway's own services
SOCKET = "is root on the machine, and is left out; a deploy alone tells the engine what runs"


@dataclass
class State:
    """What a service of the new project has mounted, and what goes into its image."""

    volumes: list[dict[str, Any]] = field(default_factory=list)
    copied: dict[str, Mapping[str, str]] = field(default_factory=dict)  # target -> texts
    code: list[OldMount] = field(default_factory=list)  # for the loop


@dataclass
class Volumes:
    """The volumes of the new project; one that several services had keeps one name."""

    draft: Draft
    definitions: dict[str, dict[str, Any]] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    def name(self, service: OldService, mount: OldMount) -> str:
        """Return the name here of what a mount keeps."""
        last = Path(mount.source or mount.target).name.strip(".") or "data"
        is_named = mount.kind == "volume" and mount.source
        choice = re.sub(r"[^\w-]", "-", mount.source if is_named else last)
        is_taken = choice in TAKEN or choice in self._names.values()
        choice = f"{service.name}-{choice}" if is_taken else choice
        key = mount.source or f"{service.name}:{mount.target}"
        name = self._names.setdefault(key, choice)
        described = (self.draft.project.released.get("volumes") or {}).get(mount.source) or {}
        options = {key: described[key] for key in ("driver_opts", "labels") if described.get(key)}
        driver = described.get("driver", "local")
        if service.role == "data":  # of an accessory a person says whether it may be lost
            options["labels"] = {LABEL: "files"} | dict(options.get("labels") or {})
        self.definitions[name] = {**options, **({"driver": driver} if driver != "local" else {})}
        if described.get("external"):
            text = (
                f"volume {mount.source} is one that is there already; this "
                "project gets one of its own"
            )
            self.draft.note(text, "volumes", mount.source)
        return name


def decide(service: OldService, volumes: Volumes, draft: Draft) -> State:
    """Decide about each mount, and say it."""
    state = State()
    for mount in service.mounts:
        _decide(state, mount, service, volumes, draft)
    return state


def _decide(
    state: State, mount: OldMount, service: OldService, volumes: Volumes, draft: Draft
) -> None:
    where = ("services", service.name, "volumes", _written(mount, draft))
    match mount.content:
        case "state" if service.role in ("data", "accessory"):
            name = volumes.name(service, mount)
            state.volumes.append(_volume(name, mount))
            if mount.kind == "bind":
                shown = draft.project.shown(Path(mount.source))
                draft.note(
                    (
                        f"{service.name}: {mount.target} is the volume {name} now; what is "
                        f"in {shown} stays there, {_brought(name, mount.source)}"
                    ),
                    *where,
                )
            elif mount.source and service.role == "data":
                described = (draft.project.released.get("volumes") or {}).get(mount.source) or {}
                old = f"volume:{described.get('name') or mount.source}"
                draft.note(
                    f"{service.name}: what is in the volume {mount.source} stays there, "
                    f"{_brought(name, old)}",
                    *where,
                )
            elif not mount.source:
                draft.note(
                    (
                        f"{service.name}: {mount.target} is the volume {name} now; before, "
                        "a volume without a name had what is in it"
                    ),
                    "services",
                    service.name,
                )
        case "state":
            draft.refuse(
                (
                    f"{service.name}: {mount.target} would be kept, and a service with "
                    f"role {service.role} keeps nothing; left out"
                ),
                *where,
            )
        case "configuration":
            state.copied[mount.target] = mounts.texts(Path(mount.source))
            draft.note(f"{service.name}: {mount.target} is in the image now", *where)
        case "code" | "scratch":
            state.code.append(mount)
            if mount.content == "code":
                text = f"{service.name}: {mount.target} is mounted in the hacking loop alone"
                draft.note(text, *where)
        case "socket":
            draft.refuse(f"{service.name}: {mount.source} {SOCKET}", *where)
        case _:
            _refuse(mount, service, where, draft)


def _refuse(mount: OldMount, service: OldService, where: tuple[str, ...], draft: Draft) -> None:
    if mount.source in ("/etc/localtime", "/etc/timezone"):
        draft.note(f"{service.name}: {mount.source} is left out; TZ says the time zone", *where)
        return
    reasons = {
        "host": f"machines have no {mount.source}",
        "missing": f"{draft.project.shown(Path(mount.source))} is not there",
        "large": f"{draft.project.shown(Path(mount.source))} is large, or holds more than text",
    }
    draft.refuse(
        (
            f"{service.name}: {mount.target} is left out: "
            f"{reasons.get(mount.content, 'unknown')}; COPY it in the Dockerfile of "
            "the service"
        ),
        *where,
    )


def _volume(name: str, mount: OldMount) -> dict[str, Any]:
    described = {"type": "volume", "source": name, "target": mount.target}
    return described | ({"read_only": True} if mount.read_only else {})


def _brought(volume: str, source: str) -> str:
    """Say what brings the files of an old place into a volume."""
    words = ["inv", "files.import", "--env=dev", f"--volume={volume}", f"--from={source}"]
    return f"until you bring it over: {shlex.join(words)}"


def _written(mount: OldMount, draft: Draft) -> str:
    """Guess how the source was written, to find its line."""
    if mount.kind != "bind":
        return mount.source or mount.target
    path = Path(mount.source)
    if not path.is_relative_to(draft.project.folder):
        return mount.source
    shown = path.relative_to(draft.project.folder)
    return f"./{shown}" if str(shown) != "." else "."
