"""Jobs by a schedule of the old project: labels of ofelia, crontabs in a build folder."""

import re
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.scaffold.importing import classification, mounts
from slipway.scaffold.importing.classification import CRON, OldService

JOB = re.compile(
    r"ofelia\.(?P<kind>job-\w+)\.(?P<name>[\w.-]+?)\.(?P<word>schedule|command|image|container)$"
)
NAMED = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
EVERY = re.compile(r"@every\s+(?:(?P<hours>\d+)h)?(?:(?P<minutes>\d+)m)?(?:0s)?$")
FIELD = r"[\d*/,\-A-Za-z]+"
LINE = re.compile(
    rf"^\s*(?P<schedule>(?:{FIELD}\s+){{5}}|@\w+\s+)(?P<command>\S.*?)\s*$", re.MULTILINE
)
RUN = re.compile(
    rf"(?P<schedule>(?:{FIELD}[ \t]+){{5}}|@\w+[ \t]+)[^\n]*docker[- ]compose\b[^\n]*"
    r"\b(?:run|exec)\b(?P<words>[^\n]*)"
)
FILES = (
    "crontab",
    "crontab.txt",
    "*.cron",
    "*.crontab",
    "cron/*",
    "cron.d/*",
    "crontabs/*",
    "*/crontab",
    "*-cron",
    "docker/crontab",
)
SYSTEM = re.compile(r"^(?:root|www-data)\s+")


@dataclass(frozen=True)
class ScheduledJob:
    """A command that runs in the image of a service at certain times; "" where that is unclear."""

    name: str
    service: str
    command: Sequence[str]
    schedule: str
    written: str


def labelled(services: Sequence[OldService]) -> Iterator[ScheduledJob]:
    """Read what labels for ofelia say, on the services themselves and on ofelia."""
    for service in services:
        jobs: dict[tuple[str, str], dict[str, str]] = {}
        for key, value in (service.spec.get("labels") or {}).items():
            if match := JOB.match(str(key)):
                jobs.setdefault((match["kind"], match["name"]), {})[match["word"]] = str(value)
        for (kind, name), about in jobs.items():
            if kind == "job-exec" and "command" in about:
                of = service.name if service.home == "project" else about.get("container", "")
                written = about.get("schedule", "")
                yield ScheduledJob(
                    name, of, shlex.split(about["command"]), five_fields(written), written
                )


def in_crontabs(service: OldService) -> list[ScheduledJob]:
    """Read the crontab of a service that runs cron."""
    if not CRON.search(classification.words(service.spec)):
        return []
    jobs: list[ScheduledJob] = []
    for text in _crontabs(service):
        for match in LINE.finditer(re.sub(r"^\s*(?:#.*|\w+=.*)$", "", text, flags=re.MULTILINE)):
            written = match["schedule"].strip()
            command = SYSTEM.sub("", match["command"])
            command = re.sub(r"\s*(?:&?>>?\s*\S+|2>&1)", "", command)  # output is the job's own
            name = f"{service.name}-{len(jobs) + 1}"
            words = ["sh", "-c", command]
            jobs.append(ScheduledJob(name, service.name, words, five_fields(written), written))
    return jobs


def by_hand(service: OldService, texts: Iterable[str]) -> str:
    """Return the times at which a crontab of the server runs a service, as people note it."""
    for text in texts:
        for match in RUN.finditer(text):
            if service.name in match["words"].split():
                return match["schedule"].strip()
    return ""


def five_fields(written: str) -> str:
    """Write a schedule as cron has it; "" for what cron cannot say."""
    written = " ".join(written.split())
    if written in NAMED:
        return NAMED[written]
    if match := EVERY.fullmatch(written):
        hours, minutes = int(match["hours"] or 0), int(match["minutes"] or 0)
        if not hours and minutes and 60 % minutes == 0:
            return f"*/{minutes} * * * *"
        if not minutes and hours and 24 % hours == 0:
            return (
                f"0 */{hours} * * *"
                if hours > 1 and hours < 24
                else "0 * * * *"
                if hours == 1
                else "0 0 * * *"
            )
        return ""
    fields = written.split()
    if len(fields) == 6:  # with seconds
        fields = fields[1:] if fields[0].isdecimal() else []
    is_cron = len(fields) == 5 and all(re.fullmatch(FIELD, field) for field in fields)
    return " ".join(fields) if is_cron else ""


def _crontabs(service: OldService) -> Iterator[str]:
    for mount in service.mounts:
        if mount.kind == "bind" and "cron" in mount.target:
            yield from mounts.texts(Path(mount.source)).values()
    context: Any = (service.spec.get("build") or {}).get("context")
    paths: Mapping[Path, None] = {}
    if context:
        paths = dict.fromkeys(path for form in FILES for path in sorted(Path(context).glob(form)))
    for path in paths:
        yield from mounts.texts(path).values() if path.is_file() else ()
