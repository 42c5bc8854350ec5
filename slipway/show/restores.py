"""Restores and drills for people and programs: what would be done, what was found, how long."""

from collections.abc import Mapping
from typing import Any

from slipway.backups.format.manifest import sized
from slipway.errors import DifferenceFound, Refused
from slipway.show import table
from slipway.show.output import say

Row = Mapping[str, Any]


def show_restored(found: Row, *, as_json: bool = False) -> None:
    """Print what a restore came to, or would do."""
    if as_json:
        table.document(found)
    elif "stages" in found:
        _show_plan(found)
    else:
        say(found["summary"])
        for stage, seconds in found.get("timings", {}).items():
            say(f"  {stage:<10} {seconds:8.2f} s")
    if found.get("problems"):
        raise Refused(f"it would be refused: {'; '.join(found['problems'])}")


def show_drilled(found: Row, *, as_json: bool = False) -> None:
    """Print what a drill found. Raises DifferenceFound when it proved nothing good."""
    if as_json:
        table.document(found)
    else:
        say(found["summary"])
        if found["ok"]:
            smoked = f", {found['smoked']} smoke tests" if found["smoked"] else ""
            say(
                f"  rows of {found['summed']} tables summed{smoked}; newest migration "
                f"{found['head'] or 'none'}; measured recovery time {found['seconds']:.1f} s"
            )
    if not found["ok"]:
        raise DifferenceFound(f"{found['id']} is not proven: {found['why']}")


def _show_plan(found: Row) -> None:
    say(found["summary"])
    free = "unknown" if found["free"] is None else sized(found["free"])
    say(f"  PostgreSQL {found['server']}, room on its disk: {free}")
    for number, (name, describe) in enumerate(found["stages"], 1):
        say(f"{number:>3}. {name:<10} {describe}")
    for note in found["notes"]:
        say(f"  ~ {note}")
