"""A plan as a person reads it, for changes that run beside a database."""

import json

import pytest

from slipway.agent.messages.request import ChangePlan, PlannedStep
from slipway.show import backups, plans

PLAN = ChangePlan(
    steps=(
        PlannedStep("create", "create an empty database"),
        PlannedStep("swap", "swap it"),
    ),
    notes=("it will end connections: 2 of api (logbook)",),
    summary="it would reset logbook of staging",
)


def test_a_plan_is_its_summary_its_notes_and_its_numbered_steps(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plans.show_change(PLAN)
    assert capsys.readouterr().out.splitlines() == [
        "it would reset logbook of staging",
        "  ~ it will end connections: 2 of api (logbook)",
        "  1. create     create an empty database",
        "  2. swap       swap it",
    ]


def test_a_plan_of_a_backup_is_shown_in_place_of_a_backup_also_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    backups.show_backup(PLAN, as_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "summary": PLAN.summary,
        "steps": [["create", "create an empty database"], ["swap", "swap it"]],
        "notes": list(PLAN.notes),
    }
