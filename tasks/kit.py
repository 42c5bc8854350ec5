"""Slipway itself, in a project that carries it: its version, and how a newer one comes in."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from typing import NoReturn

    from slipway.environments.environment import Environment


@command(runbook="upgrade-kit", docker=False, help={"json": "Print JSON."})
def status(*, json: bool = False) -> None:
    """Show the version of Slipway, and which of its files this project has changed.

    Example: inv kit.status
    """
    from slipway.project import ROOT
    from slipway.scaffold import answers, kit, shared, unfinished
    from slipway.show import kits

    current, record = answers.read(ROOT), unfinished.read(ROOT)
    with shared.rendered(ROOT, kit.vendored(ROOT)) as original:
        kits.show_status(current.version, shared.look(ROOT, original), record, as_json=json)


@command(
    runbook="upgrade-kit",
    docker=False,
    help={
        "env": "Deploy there when the tests have passed; to machines, after a commit.",
        "to": "A wheel of Slipway, or a checkout of it.",
        "no_tests": "Leave out the deploy to testing; checks run in any case.",
        "plan": "Show what would change, and change nothing.",
        "resume": "Continue an upgrade that was interrupted, or whose conflicts are settled.",
        "abort": "Take back an upgrade that is not finished.",
    },
)
def upgrade(
    env: "Environment | None" = None,
    *,
    to: str = "",
    no_tests: bool = False,
    plan: bool = False,
    resume: bool = False,
    abort: bool = False,
) -> None:
    """Bring this project to another version of Slipway: merge your changes, check, test, deploy.

    Examples:
      inv kit.upgrade --to=../slipway --plan
      inv kit.upgrade --to=slipway-0.3.0-py3-none-any.whl --env=dev
      inv kit.upgrade --resume
    """
    from slipway.errors import UsageError
    from slipway.project import ROOT
    from slipway.scaffold import unfinished
    from slipway.scaffold import upgrade as upgrades
    from slipway.show import kits, plans

    if (bool(to), resume, abort).count(True) != 1:
        raise UsageError("kit.upgrade takes one of --to, --resume and --abort")
    if abort:
        plans.follow(unfinished.abort(ROOT))
    elif resume:
        _resume()
    else:
        name, is_remote = (env.name, not env.is_local) if env else ("", False)
        options = upgrades.Options(tests=not no_tests, env=name, commits=is_remote)
        with upgrades.prepared(to, options=options) as change:
            kits.show_upgrade(change)
            if plan:
                plans.preview(change.preview())
                return
            plans.follow(change.plan())
        _hand_over()


def _resume() -> None:
    """Continue where an upgrade stands: with its files, with the new engine, or with the rest."""
    from functools import partial

    from slipway.plan import Plan
    from slipway.project import ROOT
    from slipway.scaffold import follow_up, unfinished
    from slipway.scaffold import upgrade as upgrades
    from slipway.show import kits, plans

    record = unfinished.demand(ROOT)
    if "files" not in record.finished:
        with upgrades.restarted(record) as change:
            plans.follow(change.plan())
        _hand_over()
    follow_up.demand_settled(ROOT, record)
    if "engine" not in record.finished:
        plans.follow(Plan(record.title, [upgrades.install(ROOT, record)]))
        _hand_over()
    rest = follow_up.plan(ROOT, record, partial(_deploy, record.env))
    plans.follow(rest, live=False)
    unfinished.forget(ROOT)
    kits.show_next_steps(record)


def _hand_over() -> "NoReturn":
    """Continue with the new version, which .venv holds now; or end where a person has to settle."""
    from slipway.hosts import local
    from slipway.project import ROOT
    from slipway.scaffold import follow_up, unfinished

    follow_up.demand_settled(ROOT, unfinished.demand(ROOT))
    local.become([str(ROOT / "inv"), "kit.upgrade", "--resume"])


def _deploy(name: str) -> None:
    from slipway.environments import environment

    from .deploy import deploy

    deploy.body(environment.load(name))
