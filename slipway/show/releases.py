"""Releases for people: what a deploy would do, and what is on record, as text or as JSON."""

import dataclasses
from collections.abc import Mapping, Sequence

from slipway.cluster.lease_holder import LeaseHolder, age
from slipway.edge.routes import Maintenance
from slipway.environments.environment import Environment
from slipway.images.weight import human
from slipway.plan import Plan, Step
from slipway.releases import changes, commit_range
from slipway.releases.canary_record import RunningCanary
from slipway.releases.commit import short
from slipway.releases.deployment import Deployment
from slipway.releases.preview import PlannedStatement, Preview
from slipway.releases.register import Compared, Listed, Shown
from slipway.releases.unused_images import Found
from slipway.show import plans, table
from slipway.show.progress import WIDTH
from slipway.show.writer import say, tell

COLUMNS = ("release", "state", "at", "by", "commit", "seconds", "held", "changed")


def show_preview(
    env: Environment, preview: Preview, first: Plan | None = None, *, as_json: bool = False
) -> None:
    """Print the plan of a deploy or rollback; `first` is what prepares this computer for it."""
    if as_json:
        table.document(_document(env, preview, first))
        return
    say(_summary(env, preview))
    plans.show_notes([*changes.sentences(preview.changes), *preview.notes])
    if preview.commits and preview.commits.sentences:
        say("commits since the release that serves:")
        for line in preview.commits.sentences:
            say(f"  {line}")
    _show_statements(preview.statements)
    if preview.starts:
        say(f"starts beside what serves: {', '.join(preview.starts)}")
        say(f"restarts: {', '.join(preview.restarts) or 'nothing'}")
        say(f"goes on untouched: {', '.join(preview.stays) or 'nothing'}")
        say(f"machines: {', '.join(preview.machines)}")
    for number, step in enumerate(_steps(preview.plans), 1):
        say(f"{number:>3}. {step.name:<{WIDTH}} {step.describe}{_expected(step, preview.seconds)}")
    for refusal in preview.refusals:
        say(f"! a deploy would end before this: {refusal}")
    for refusal in preview.later:
        say(f"! a deploy that changes something would end before that: {refusal}")


def show_question(deployment: Deployment) -> None:
    """Show on stderr what a deploy changes, before a person is asked whether it shall."""
    release, live = deployment.release, deployment.live
    for line in changes.sentences(changes.between(live, release)):
        tell(f"  ~ {line}")
    if live is not None:
        for line in commit_range.read(live.commit, release.commit).sentences:
            tell(f"    {line}")


def show_list(listed: Sequence[Listed], *, as_json: bool = False) -> None:
    """Print the releases that there were, newest first."""
    if as_json:
        table.document([dataclasses.asdict(each) for each in listed])
        return
    if not listed:
        say("no release yet")
    rows = [dataclasses.asdict(each) | {"commit": short(each.commit)} for each in listed]
    columns = [name for name in COLUMNS if name != "held" or any(row["held"] for row in rows)]
    table.rows(columns, rows)


def show_release(shown: Shown, *, as_json: bool = False) -> None:
    """Print all that is on record of a release."""
    release = shown.release
    if as_json:
        document = dataclasses.asdict(shown)
        document["changes"] = [dataclasses.asdict(each) for each in shown.changes]
        table.document(document)
        return
    say(f"{release.label}, {shown.state}")
    say(f"made {release.created} by {release.by}")
    if shown.held:
        say(f"held: {shown.held}")
    for line in changes.sentences(shown.changes):
        say(f"  ~ {line}")
    say()
    table.rows(
        ["service", "role", "image", "tag"],
        [
            {
                "service": service.name,
                "role": service.role,
                "image": release.images.get(service.name, "")[:19],
                "tag": release.tags.get(service.name, ""),
            }
            for service in release.services
        ],
    )
    say(f"migrations up to {release.migration_head or 'none'}")
    if release.secrets:
        say(f"secrets: {', '.join(sorted(release.secrets))}")
    say()
    table.rows(
        ["at", "result", "colour", "by", "seconds", "reason"],
        [dataclasses.asdict(event) for event in shown.events],
    )


def show_difference(compared: Compared, *, as_json: bool = False) -> None:
    """Print what one release has that another has not."""
    if as_json:
        table.document(dataclasses.asdict(compared))
        return
    say(f"release {compared.before} → release {compared.after}")
    lines = changes.sentences(compared.changes) or ["nothing but number and commit"]
    for line in [*lines, *compared.commits.sentences]:
        say(f"  {line}")


def show_lease(
    env: Environment,
    holder: LeaseHolder | None,
    canary: RunningCanary | None,
    *,
    as_json: bool = False,
) -> None:
    """Print who changes an environment now, and whom its canary meets."""
    if as_json:
        both = {"holder": holder, "canary": canary}
        table.document({key: dataclasses.asdict(one) if one else None for key, one in both.items()})
    elif holder is None:
        say(f"nobody is changing {env.name}")
    else:
        how = "held by hand" if holder.is_held else f"last heard of {age(holder.silence)} ago"
        say(f"{holder.owner}: {holder.reason}, for {age(holder.age)}, {how}")
        if canary:
            say(canary.describe(env.name))


def show_maintenance(
    env: Environment, closed: Maintenance | None, *, as_json: bool = False
) -> None:
    """Print whether an environment is closed, since when, for whom."""
    if as_json:
        table.document({"closed": dataclasses.asdict(closed) if closed else None})
    elif closed is None:
        say(f"{env.name} is open")
    else:
        say(f"{env.name} is closed since {closed.at} by {closed.by}: {closed.message}")
        say(f"until {closed.until:%Y-%m-%d %H:%M} UTC" if closed.until else "no end was named")
        say(f"passes: {', '.join(closed.allow) or 'nobody'}")


def show_prune(steps: Plan, there: Found, *, as_json: bool = False) -> None:
    """Print what a prune would remove."""
    rows = [
        {"machine": one.machine, "image": one.name, "size": human(one.size)} for one in there.images
    ]
    if as_json:
        caches = [{"machine": machine, "size": size} for machine, size in there.cache]
        table.document({"images": rows, "cache": caches})
        return
    plans.preview(steps)
    table.rows(["machine", "image", "size"], rows)
    for machine, size in there.cache:
        say(f"{machine}: builds' cache is {size}")


def _summary(env: Environment, preview: Preview) -> str:
    if not preview.plans:
        return f"{env.name} is up to date; nothing would change"
    seconds = sum(preview.seconds.get(step.name, 0) for step in _steps(preview.plans))
    return preview.plans[0].title + (f", in about {seconds:.0f} s" if seconds else "")


def _steps(planned: Sequence[Plan]) -> list[Step]:
    return [step for plan in planned for step in plan.steps]


def _expected(step: Step, seconds: Mapping[str, float]) -> str:
    return f"  ({seconds[step.name]:.1f} s)" if seconds.get(step.name, 0) >= 0.1 else ""


def _show_statements(statements: Sequence[PlannedStatement]) -> None:
    if statements:
        say("what the migrations lock:")
        rows = [dataclasses.asdict(one) | {"where": f"{one.file}:{one.line}"} for one in statements]
        table.rows(["where", "lock", "risk", "statement"], rows)


def _document(env: Environment, preview: Preview, first: Plan | None) -> Mapping[str, object]:
    planned = [*([first] if first else []), *preview.plans]
    return {
        "summary": _summary(env, preview),
        "changes_something": preview.changes_something,
        "steps": [(step.name, step.describe) for step in _steps(planned)],
        "changes": [*changes.sentences(preview.changes), *preview.notes],
        "details": [dataclasses.asdict(change) for change in preview.changes],
        "commits": dataclasses.asdict(preview.commits) if preview.commits else None,
        "migrations": [dataclasses.asdict(one) for one in preview.statements],
        "machines": list(preview.machines),
        "starts": list(preview.starts),
        "restarts": list(preview.restarts),
        "stays": list(preview.stays),
        "expected_seconds": dict(preview.seconds),
        "refusals": list(preview.refusals),
        "later": list(preview.later),
    }
