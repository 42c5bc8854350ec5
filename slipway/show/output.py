"""What a deploy came to, and what was scheduled or pruned: for a person or as JSON."""

import dataclasses
from typing import TYPE_CHECKING

from slipway.environments.environment import Environment
from slipway.releases import timings
from slipway.releases.commit import short
from slipway.show import table
from slipway.show.writer import say, tell

if TYPE_CHECKING:  # a rollback is not to load what shows backups
    from slipway.agent.messages.backups import PruneReply
    from slipway.releases.deploy import DeployResult
    from slipway.releases.schedule import ScheduleState


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
