"""Restores and drills for people and programs: what would be done, what was found, how long."""

import dataclasses

from slipway.agent.messages.restore import DrillReply, RestorePlan, RestoreReply, UndoReply
from slipway.backups.format.manifest import sized
from slipway.errors import DifferenceFound, Refused
from slipway.show import table
from slipway.show.writer import say


def show_restored(reply: RestoreReply | RestorePlan | UndoReply, *, as_json: bool = False) -> None:
    """Print the result of a restore, or its plan. Raises Refused for a plan with problems."""
    if isinstance(reply, RestorePlan):
        _show_plan(reply, as_json=as_json)
        return
    if as_json:
        table.document(dataclasses.asdict(reply))
        return
    say(reply.summary)
    timings = reply.timings if isinstance(reply, RestoreReply) else {}
    for step, seconds in timings.items():
        say(f"  {step:<10} {seconds:8.2f} s")


def show_imported(
    reply: RestoreReply | RestorePlan, env: str = "", *, as_json: bool = False
) -> None:
    """Print the result of an import, or its plan, and what to type next."""
    show_restored(reply, as_json=as_json)
    if isinstance(reply, RestorePlan) or as_json:
        return
    flag = f" --env={env}" if env else ""
    if reply.kept:
        say(f"  the way back: inv db.restore{flag} --undo")
    if not reply.head:
        say(
            "  it has no record of migrations: where its schema is that of your first files in "
            f"compose/migrations, record those as applied: inv db.baseline{flag} --version=VERSION"
        )


def show_drilled(reply: DrillReply, *, as_json: bool = False) -> None:
    """Print what a drill found. Raises DifferenceFound when it proved nothing good."""
    proof = reply.proof
    if as_json:
        fields = dataclasses.asdict(reply)
        table.document({**fields, **fields.pop("proof"), "summary": reply.summary})
    else:
        say(reply.summary)
        if proof.ok:
            smoked = f", {reply.smoked} smoke tests" if reply.smoked else ""
            say(
                f"  rows of {reply.summed} tables summed{smoked}; newest migration "
                f"{reply.head or 'none'}; measured recovery time {proof.seconds:.1f} s"
            )
    if not proof.ok:
        raise DifferenceFound(f"{reply.id} is not proven: {proof.why}")


def _show_plan(plan: RestorePlan, *, as_json: bool) -> None:
    if as_json:
        fields = dataclasses.asdict(plan)
        fields.pop("steps")
        table.document({**fields, "stages": [(step.name, step.describe) for step in plan.steps]})
    else:
        say(plan.summary)
        free = "unknown" if plan.free is None else sized(plan.free)
        say(f"  PostgreSQL {plan.server}, room on its disk: {free}")
        for number, step in enumerate(plan.steps, 1):
            say(f"{number:>3}. {step.name:<10} {step.describe}")
        for note in plan.notes:
            say(f"  ~ {note}")
    if plan.problems:
        raise Refused(f"it would be refused: {'; '.join(plan.problems)}")
