"""What a deploy came to, and what runs: for a person or as JSON."""

import dataclasses
from typing import TYPE_CHECKING

from slipway.environments.environment import Environment
from slipway.releases import timings
from slipway.releases.commit import short
from slipway.show import table
from slipway.show.writer import say, tell

if TYPE_CHECKING:  # a rollback is not to load what shows backups
    from slipway.agent.messages.backups import PruneReply
    from slipway.backups.schedule.file_drill import FilesDrill
    from slipway.backups.schedule.summary import LastDrill, NewestBackup
    from slipway.releases.backup_status import Backups
    from slipway.releases.deploy import DeployResult
    from slipway.releases.schedule import ScheduleState
    from slipway.releases.status import Status


def show_report(env: Environment, report: "DeployResult", *, as_json: bool = False) -> None:
    """Print what serves after a deploy."""
    if as_json:
        table.document(dataclasses.asdict(report))
        return
    name = f"release {report.release} ({short(report.commit)})"
    if report.changed:
        say(f"{env.name} serves {name} in {report.colour}")
    else:
        say(f"{env.name} is up to date: {name} serves in {report.colour}")
    if report.not_seen_from_outside:
        say(f"not seen from outside: {', '.join(report.not_seen_from_outside)}")
    for address in report.addresses:
        say(f"open {address}")


def show_timings(report: "DeployResult") -> None:
    """Print to stderr what each step took, and all together."""
    machines = sorted({name for timing in report.timings for name in timing.commands})
    rows = [
        {
            "step": timing.step,
            "seconds": f"{timing.seconds:.1f}",
            **{name: timing.commands.get(name, 0) for name in machines},
            "commands": timing.total,
            "questions": timing.questions,
            "sent": f"{timing.sent / 1000:.1f} kB",
        }
        for timing in (*report.timings, timings.together(report.timings))
    ]
    columns = ["step", "seconds", *machines, "commands", "questions", "sent"]
    table.rows(columns, rows, write=tell)


def show_status(status: "Status", *, as_json: bool = False) -> None:
    """Print machines, the serving release, and every service."""
    if as_json:
        table.document(dataclasses.asdict(status))
        return
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
    say()
    table.rows(
        ["machine", "state", "role", "edge_serves"],
        [
            dataclasses.asdict(m)
            | {"edge_serves": m.edge_serves or ("nothing" if m.is_reached else "not seen")}
            for m in status.machines
        ],
    )
    say()
    table.rows(
        ["service", "colour", "running", "health", "image"],
        [dataclasses.asdict(s) for s in status.services],
    )
    if status.certificates:
        say()
        table.rows(
            ["certificate", "issuer", "ends", "days_left", "machines"],
            [
                dataclasses.asdict(each)
                | {"certificate": each.name, "machines": ", ".join(each.machines)}
                for each in status.certificates
            ],
        )
    if status.jobs:
        say()
        table.rows(
            ["job", "state", "began", "seconds", "code", "by", "next", "reason"],
            [
                dataclasses.asdict(job) | {"code": "" if job.code is None else job.code}
                for job in status.jobs
            ],
        )
    if status.backups:
        _show_backups(status.backups, status.environment)
    if status.history:
        say()
        table.rows(
            ["release", "result", "colour", "commit", "by", "at", "seconds", "reason"],
            [dataclasses.asdict(e) | {"commit": short(e.commit)} for e in status.history],
        )


def show_scheduled(env: Environment, scheduled: "ScheduleState") -> None:
    """Print when backups are taken from now on."""
    say(f"{env.name} is scheduled" if scheduled.changed else f"{env.name} was scheduled already")
    rows = [
        {"job": job, "next": f"{at:%a %Y-%m-%d %H:%M} UTC"} for job, at in scheduled.times.items()
    ]
    table.rows(["job", "next"], rows)


def show_pruned(reply: "PruneReply", *, as_json: bool = False) -> None:
    """Print what stays and why, what goes, and the sum of it."""
    pruned, databases = reply.pruned, reply.databases
    if as_json:
        document = dataclasses.asdict(pruned) if pruned else {}
        if databases is not None:
            document["databases"] = databases
        table.document(document | {"plan": reply.plan, "summary": reply.summary})
        return
    gone = "would be removed" if reply.plan else "removed"
    rows = [
        {"backup": name, "what": gone, "why": "replaced by a restore"} for name in databases or ()
    ]
    if pruned:
        rows += [{"backup": name, "what": gone, "why": ""} for name in pruned.removed]
        rows += [{"backup": key, "what": gone, "why": "leftover"} for key in pruned.leftovers]
        rows += [{"backup": name, "what": "kept", "why": why} for name, why in pruned.keep]
    table.rows(["backup", "what", "why"], sorted(rows, key=lambda row: str(row["backup"])))
    say(reply.summary)


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
