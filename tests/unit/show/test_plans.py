"""A plan as a person reads it, for changes that run beside a database."""

import json

import pytest

from slipway.agent.messages.request import ChangePlan, PlannedStep
from slipway.environments import environment
from slipway.plan import Plan, Step
from slipway.releases.preview import Preview
from slipway.show import backups, plans, releases

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


FINISH = Plan("finish the deploy of dev", [Step("stop", "stop what is left of green", lambda: "")])
TAKEN, FULL = "port 80 is taken", "m1 has 1 GB left"


@pytest.mark.parametrize(
    ("preview", "lines"),
    [
        (
            Preview([], ["continuing without m3"], [TAKEN], [FULL]),
            [
                "dev is up to date; nothing would change",
                "  ~ continuing without m3",
                f"! a deploy would end before this: {TAKEN}",
                f"! a deploy that changes something would end before that: {FULL}",
            ],
        ),
        (
            Preview([FINISH], later=[FULL]),
            [
                "finish the deploy of dev",
                "  1. stop       stop what is left of green",
                f"! a deploy that changes something would end before that: {FULL}",
            ],
        ),
    ],
)
def test_what_a_deploy_would_refuse_is_shown_also_where_all_is_up_to_date(
    preview: Preview, lines: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    releases.show_preview(environment.load("dev"), preview)
    assert capsys.readouterr().out.splitlines() == lines
    releases.show_preview(environment.load("dev"), preview, FINISH, as_json=True)
    document = json.loads(capsys.readouterr().out)
    assert document["refusals"] == list(preview.refusals)
    assert document["later"] == list(preview.later)
    assert len(document["steps"]) == 1 + len(preview.plans)
