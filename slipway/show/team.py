"""The team on the screen: members, what differs, which values somebody who left still knows."""

from collections.abc import Sequence
from dataclasses import asdict
from datetime import date

from slipway.show import table, writer
from slipway.team.check import Difference
from slipway.team.member import Team
from slipway.team.public_keys import shortened

COLUMNS = ("name", "role", "environments", "age", "ssh", "until")


def show_members(team: Team, *, as_json: bool) -> None:
    """Print who is in the team; keys are shortened for people and complete in JSON."""
    rows = [
        {
            "name": each.name,
            "role": each.role,
            "environments": list(each.environments) if as_json else ", ".join(each.environments),
            "age": each.age if as_json else shortened(each.age),
            "ssh": list(each.ssh) if as_json else ", ".join(map(shortened, each.ssh)),
            "until": _until(each.until, each.has_expired(date.today())),
        }
        for each in team.members
    ]
    if not rows and not as_json:
        writer.say("team.yml has nobody yet; add somebody with: inv team.add")
    table.rows(COLUMNS, rows, as_json=as_json)


def show_differences(differences: Sequence[Difference], *, as_json: bool) -> None:
    """Print what is not as team.yml says, each with what to type."""
    if as_json:
        return table.document([asdict(each) for each in differences])
    for each in differences:
        verb = "" if each.command.startswith("see ") else "type: "
        writer.say(f"{each.where}: {each.what}; {verb}{each.command}")
    if not differences:
        writer.say("all is as team.yml has it")
    return None


def show_left(name: str, values: Sequence[Difference]) -> None:
    """Print what somebody who has left still knows."""
    if not values:
        return writer.say(f"{name} knows no value that is still in use")
    writer.say(
        f"{name} has read these values, and git keeps them readable for {name} for ever; only "
        "another value helps. inv team.check is red until each has one:"
    )
    for each in values:
        writer.say(f"  {each.where}: {each.command}")
    return None


def _until(until: date | None, has_expired: bool) -> str:
    return "" if until is None else f"{until}{' (expired)' if has_expired else ''}"
