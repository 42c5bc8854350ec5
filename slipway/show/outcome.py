"""What a deploy came to, what it would do, and what runs: for a person or as JSON."""

import dataclasses
import sys

from slipway.environments.environment import Environment
from slipway.releases.commit import short
from slipway.releases.deploy import Preview, Report
from slipway.releases.status import Status
from slipway.show import plans, table


def say(text: str) -> None:
    """Print one line."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def show_report(env: Environment, report: Report, *, as_json: bool = False) -> None:
    """Print what serves after a deploy."""
    if as_json:
        table.document(dataclasses.asdict(report))
        return
    name = f"release {report.release} ({short(report.commit)})"
    if not report.changed:
        sys.stdout.write(f"{env.name} is up to date: {name} serves in {report.colour}\n")
        return
    sys.stdout.write(f"{env.name} serves {name} in {report.colour}\n")
    if env.is_local:
        sys.stdout.write(f"open http://localhost:{env.settings['HTTP_PORT']}\n")


def show_preview(env: Environment, preview: Preview) -> None:
    """Print the plan of a deploy."""
    if preview.up_to_date:
        sys.stdout.write(f"{env.name} is up to date; a deploy would change nothing\n")
        return
    plans.preview(preview.plan, preview.tidying, changes=preview.changes)


def show_status(status: Status, *, as_json: bool = False) -> None:
    """Print machines, the serving release, and every service."""
    if as_json:
        table.document(dataclasses.asdict(status))
        return
    live = status.live
    if live is None:
        sys.stdout.write(f"{status.environment}: nothing is deployed yet\n")
    else:
        name = f"release {live.release} ({short(live.commit)})"
        say(f"{status.environment}: {name} in {live.colour}, since {live.at} by {live.by}")
    for problem in status.problems:
        sys.stdout.write(f"! {problem}\n")
    sys.stdout.write("\n")
    table.rows(
        ["machine", "state", "role", "edge_serves"],
        [dataclasses.asdict(m) for m in status.machines],
    )
    sys.stdout.write("\n")
    table.rows(
        ["service", "colour", "running", "health", "image"],
        [dataclasses.asdict(s) for s in status.services],
    )
    if status.history:
        sys.stdout.write("\n")
        table.rows(
            ["release", "result", "colour", "commit", "by", "at", "seconds", "reason"],
            [dataclasses.asdict(e) | {"commit": short(e.commit)} for e in status.history],
        )
