"""What runs: release, machines, services, certificates, jobs, backups; for a person or as JSON."""

import dataclasses
from typing import TYPE_CHECKING

from slipway.releases.commit import short
from slipway.show import table
from slipway.show.writer import say

if TYPE_CHECKING:  # a rollback is not to load what shows backups
    from slipway.backups.schedule.file_drill import FilesDrill
    from slipway.backups.schedule.summary import LastDrill, NewestBackup
    from slipway.releases.backup_status import Backups
    from slipway.releases.status import Status


def show(status: "Status", *, as_json: bool = False) -> None:
    """Print machines, the serving release, and every service."""
    if as_json:
        table.document(dataclasses.asdict(status))
        return
    _show_summary(status)
    _show_running(status)
    if status.certificates:
        _show_certificates(status)
    if status.jobs:
        _show_jobs(status)
    if status.backups:
        _show_backups(status.backups, status.environment)
    if status.history:
        _show_history(status)


def _show_summary(status: "Status") -> None:
    """Say which release is live, since when that was seen, and what is wrong."""
    live = status.live
    if status.unknown:
        say(f"{status.environment}: it cannot be told which release is live")
    elif live is None:
        say(f"{status.environment}: nothing is deployed yet")
    else:
        name = f"release {live.release} ({short(live.commit)})"
        say(f"{status.environment}: {name} in {live.colour}, since {live.at} by {live.by}")
    by = f", as {status.seen_by} says" if status.seen_by else ""
    say(f"seen {status.age:.0f} s ago ({status.seen_at}){by}")
    if status.addresses:
        say(f"serves at {', '.join(status.addresses)}")
    for problem in status.problems:
        say(f"! {problem}")
    for note in status.notes:
        say(f"~ {note}")


def _show_running(status: "Status") -> None:
    machines = [
        dataclasses.asdict(each)
        | {"edge_serves": each.edge_serves or ("nothing" if each.is_reached else "not seen")}
        for each in status.machines
    ]
    say()
    table.rows(["machine", "state", "role", "edge_serves"], machines)
    services = [dataclasses.asdict(each) for each in status.services]
    say()
    table.rows(["service", "colour", "running", "health", "image"], services)


def _show_certificates(status: "Status") -> None:
    rows = [
        dataclasses.asdict(each) | {"certificate": each.name, "machines": ", ".join(each.machines)}
        for each in status.certificates
    ]
    say()
    table.rows(["certificate", "issuer", "ends", "days_left", "machines"], rows)


def _show_jobs(status: "Status") -> None:
    rows = [
        dataclasses.asdict(job) | {"code": "" if job.code is None else job.code}
        for job in status.jobs
    ]
    say()
    table.rows(["job", "state", "began", "seconds", "code", "by", "next", "reason"], rows)


def _show_history(status: "Status") -> None:
    rows = [dataclasses.asdict(each) | {"commit": short(each.commit)} for each in status.history]
    say()
    columns = ["release", "result", "colour", "commit", "by", "at", "seconds", "reason"]
    table.rows(columns, rows)


def _show_backups(backups: "Backups", env: str) -> None:
    newest, drill = backups.newest, backups.drill
    say()
    if newest is None:
        say("backups: cannot be listed" if backups.unknown else "backups: none yet")
    else:
        say(f"newest backup: {newest.id}, {newest.age / 3600:.1f} h old, {_proven(newest)}")
    if drill is not None:
        say(f"last drill: {_drilled(drill)}")
    if backups.files:
        say(f"newest backup of files: {backups.files.at or 'none yet'}")
        if backups.files.drill:
            say(f"last drill of files: {_drilled(backups.files.drill)}")
    if backups.archive:
        for line in backups.archive.describe_windows() or [
            "no point in time can be returned to yet"
        ]:
            say(line)
    if not backups.scheduled:
        say(f"schedule: none (inv db.schedule --env={env})")
        return
    table.rows(
        ["job", "last", "result", "seconds", "next", "said"],
        [dataclasses.asdict(job) for job in backups.jobs],
    )


def _drilled(drill: "LastDrill | FilesDrill") -> str:
    result = f"restored in {drill.seconds:.0f} s" if drill.ok else f"FAILED: {drill.why}"
    return f"{drill.at}, {result}"


def _proven(newest: "NewestBackup") -> str:
    proof = newest.proof
    if proof is None:
        return "decoded while it was taken, not restored yet"
    how = "a drill" if proof.kind == "drill" else "being read back"
    return f"proven by {how}" if proof.ok else f"failed {how}: {proof.why}"
