"""What is run once, or once more: what is meant, who runs it already, what a deploy runs."""

import json
from dataclasses import replace
from typing import Any, cast

import pytest

from slipway.cluster import process
from slipway.errors import Busy, ConfigError, Refused, SlipwayError, UsageError
from slipway.progress import SILENT
from slipway.releases import (
    application,
    consoles,
    jobs,
    one_off,
    plans,
    release_jobs,
    restart,
    run_claim,
    stack,
)
from slipway.releases.application import Service
from slipway.releases.deployment import Deployment
from slipway.releases.hooks import Hooks
from slipway.releases.migrations import SchemaChange
from slipway.releases.release import Release
from tests.fakes.host import FakeHost
from tests.unit.releases.running_swarm import ENV, RELEASE
from tests.unit.releases.test_jobs import DONE, PROGRAM, Engine

DATA = {"networks": {"data": None, "own": None}}
PHASE = {"deploy": {"labels": {"slipway.role": "job", "slipway.phase": "release"}}}
REPORT = Service("report", "job", {"healthcheck": {"test": ["CMD", "true"]}})


def having(*services: Service, base: Release = RELEASE, **images: str) -> Release:
    every = (*base.services, *services)
    ids = {service.name: f"sha256:{service.name}" for service in every} | images
    return replace(base, services=every, images=ids, identities=ids)


def claimed(tasks: str, age: int, owner: str = "") -> str:
    """What the Swarm says of a claim; its owner is this process, one that was killed, or nobody."""
    mine = process.name()
    named = {"alive": mine, "killed": f"{mine.rpartition(':')[0]}:1"}.get(owner, "")
    labels = {"slipway.at": str(1000 - age), "slipway.owner": "ada@m", "slipway.process": named}
    return "\n".join(["1000", json.dumps({"ID": "c7", "Spec": {"Labels": labels}}), tasks])


@pytest.mark.parametrize(
    "claim",
    [("Running", 5000), ("Failed\nPreparing", 5000), ("", 5), ("Running", 5, "alive")],
)
def test_a_job_that_runs_or_is_about_to_is_not_run_beside(claim: tuple[Any, ...]) -> None:
    manager = FakeHost("m1").answers("sh", out=claimed(*claim))
    with pytest.raises(Busy, match=r"report runs already, begun by ada@m \d+ s ago"):
        run_claim.take(manager, "shop-prod", "report")
    assert manager.ran("docker") == []


@pytest.mark.parametrize(
    "claim",
    [("Complete", 5), ("Failed\nShutdown", 5000), ("", 61), ("Running", 5, "killed")],
)
def test_a_claim_that_nobody_needs_any_more_is_taken_over(claim: tuple[Any, ...]) -> None:
    answers = [claimed(*claim), "taken c8\n"]
    manager = FakeHost("m1", otherwise=0)
    manager.reacts("sh", by=lambda argv, _: manager_says(argv, answers.pop(0)))
    assert run_claim.take(manager, "shop-prod", "report") == "c8"
    assert manager.ran("docker") == [("docker", "config", "rm", "c7")]


def manager_says(argv: Any, out: str) -> Any:
    return FakeHost("m1").answers(*argv[:1], out=out).run(argv)


def test_what_was_killed_takes_no_job_along_that_was_let_go() -> None:
    manager = FakeHost("m1").answers("sh", out="taken c1\n")
    run_claim.take(manager, "shop-prod", "report", is_let_go=True)
    run_claim.take(manager, "shop-prod", "report")
    assert [argv[-1] for argv in manager.ran("sh")] == ["", process.name()]


@pytest.mark.parametrize(
    ("name", "command", "complaint"),
    [
        ("reprot", [], r"has no service 'reprot' to run \(did you mean report\?\)"),
        ("db", [], "db runs once in dev; look inside: inv exec --env=dev --service=db"),
        ("api", [], r"api is no job and would not end; give it --command=.*\(report\)"),
    ],
)
def test_what_cannot_be_run_says_what_can(name: str, command: list[str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        one_off.runnable(ENV, having(REPORT), name, command)


def test_another_command_takes_the_place_of_the_services_own_and_keeps_its_dollars() -> None:
    release = having(REPORT)
    command = one_off.words("sh -c 'echo $HOME'")
    job = one_off.job_of(release, one_off.runnable(ENV, release, "api", command))
    made = stack.job_stack(ENV, release, job.service, job.facts, job.beside)
    (spec,) = made["services"].values()
    assert spec["command"] == ["sh", "-c", "echo $$HOME"]
    assert spec["environment"]["PRICE"] == "5 $$"
    assert spec["healthcheck"] == {"disable": True}
    # Beside the one that serves, and never taken for it.
    assert list(made["services"]) == [job.name] == [f"api-{job.beside}"]
    labels = spec["deploy"]["labels"]
    assert (labels["slipway.service"], labels["slipway.role"]) == (job.name, "once")
    assert jobs.stack_of(ENV, job) == f"{ENV.prefix}-r{job.beside}"
    with pytest.raises(UsageError, match="no command line: no closing quotation"):
        one_off.words("'a")


def test_a_console_is_what_its_label_says() -> None:
    labels = {"api": {"slipway.console": "node 'my repl.js' $$X"}, "web": {}}
    assert consoles.choose(labels) == "api"
    assert consoles.command_of("api", labels["api"]) == ["node", "my repl.js", "$X"]
    assert consoles.command_of("web", {}) == ["sh"]
    spec = {"deploy": {"labels": labels["api"]}}
    assert consoles.of_loop({"services": {"api": spec}}, "", []) == (
        "api",
        ["node", "my repl.js", "$X"],
    )
    with pytest.raises(UsageError, match=r"--service is required.*none has the label"):
        consoles.choose({"web": {}})
    with pytest.raises(ConfigError, match=r"services\.api\.deploy\.labels\.slipway\.console"):
        consoles.command_of("api", {"slipway.console": "'a"})


def test_what_is_restarted_is_away_only_where_that_was_allowed() -> None:
    def demand(role: str, *, downtime: bool = False) -> None:
        service = FakeService("cache", role)
        restart.demand_restartable(ENV, cast(Any, service), downtime=downtime)

    demand("colour")
    demand("data", downtime=True)
    with pytest.raises(Refused, match="inv restart --env=dev --service=cache --downtime"):
        demand("data")
    with pytest.raises(UsageError, match="restarted by a deploy only"):
        demand("edge", downtime=True)


class FakeService:
    """As much of a deployed service as a restart asks about."""

    desired = 1

    def __init__(self, service: str, role: str) -> None:
        self.service, self.role = service, role


def phase(name: str, **spec: Any) -> Service:
    return Service(name, "job", {**DATA, **PHASE, **spec})


class OfRelease:
    """As much of a deploy as its plan reads."""

    env, old, colour, machines, steady_seconds = ENV, None, "blue", "m1", 1
    warm = live = None

    def __init__(self, release: Release) -> None:
        self.release = release
        self.draft = type("Draft", (), {"unbuilt": (), "is_recorded": False})()
        self.schema = type("Schema", (), {"wants_backup": False})()
        self.hooks = Hooks(dict, 1)

    def __getattr__(self, name: str) -> Any:
        return lambda: name


def planned(release: Release) -> list[tuple[str, str]]:
    plan = plans.deploy(cast(Deployment, OfRelease(release)))
    return [
        (step.name, step.describe) for step in plan.steps if step.name in ("migrate", "release")
    ]


def test_jobs_of_the_release_phase_run_after_the_kits_migrations_or_in_their_place() -> None:
    own = having(phase("migrate"), phase("assets"), REPORT)
    head = [("migrate", "migrate the database to 20260101")]
    assert planned(replace(own, migration_head="")) == [
        ("release", "run assets, then migrate, once")
    ]
    assert planned(replace(own, migration_head="20260101")) == [
        *head,
        ("release", "run assets, then migrate, once"),
    ]
    assert planned(replace(RELEASE, migration_head="20260101")) == head


def test_a_job_of_the_phase_that_fails_ends_with_its_last_lines() -> None:
    release = having(phase("migrate"))
    manager = Engine(PROGRAM)
    manager.answers("timeout", out="relation notes exists\n")
    with pytest.raises(SlipwayError, match=r"migrate failed .*\(2\)\)\n    relation notes exists"):
        release_jobs.run(manager, ENV, release, SILENT)
    manager = Engine(DONE)
    manager.answers("timeout", out="3 ran\n")
    assert release_jobs.run(manager, ENV, release, SILENT) == "migrate: 3 ran"


def test_a_backup_comes_before_a_job_that_may_migrate_and_is_another_one() -> None:
    prod = replace(ENV, name="prod")
    live = replace(having(phase("migrate")), migration_head="9" * 14)

    def wants(release: Release) -> bool:
        return SchemaChange(prod, release, live, SILENT).wants_backup

    assert not wants(live)
    assert wants(having(phase("migrate"), migrate="sha256:new"))
    assert wants(having(phase("migrate", command=["up"])))
    assert not wants(having(phase("migrate"), phase("assets", networks={"edge": None})))


def test_a_release_differs_where_a_job_alone_does() -> None:
    live = having(REPORT)
    assert not stack.differ_in_jobs(ENV, live, replace(live, number=9, commit="other"))
    assert stack.differ_in_jobs(ENV, live, having(REPORT, report="sha256:new"))
    assert stack.differ_in_jobs(ENV, live, RELEASE)


@pytest.mark.parametrize(
    ("role", "value", "complaint"),
    [
        ("job", "deploy", "'deploy' is no phase; write release, or leave it out"),
        ("colour", "release", "only a service with role job runs in a phase"),
    ],
)
def test_a_phase_that_there_is_not_is_refused(role: str, value: str, complaint: str) -> None:
    labels = {"slipway.role": role, "slipway.phase": value}
    spec = {"image": "a", "deploy": {"labels": labels}}
    with pytest.raises(ConfigError, match=complaint):
        application.parse({"services": {"one": spec}})
