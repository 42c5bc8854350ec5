"""Slipway itself, in a project that carries it: its version, and how a newer one comes in."""

from .command import command


@command(runbook="upgrade-kit", docker=False, help={"json": "Print JSON."})
def status(*, json: bool = False) -> None:
    """Show the version of Slipway, and which of its files this project has changed.

    Example: inv kit.status
    """
    from slipway.project import ROOT
    from slipway.scaffold import answers, kit, shared
    from slipway.show import kits

    current = answers.read(ROOT)
    with shared.rendered(ROOT, kit.vendored(ROOT)) as original:
        kits.show_status(current.version, shared.look(ROOT, original), as_json=json)


@command(
    runbook="upgrade-kit",
    docker=False,
    help={
        "to": "A wheel of Slipway, or a checkout of it.",
        "plan": "Show what would change, and change nothing.",
    },
)
def upgrade(*, to: str, plan: bool = False) -> None:
    """Bring this project to another version of Slipway; your changes of its files are merged.

    Examples:
      inv kit.upgrade --to=../slipway --plan
      inv kit.upgrade --to=slipway-0.3.0-py3-none-any.whl
    """
    from slipway.errors import DifferenceFound
    from slipway.scaffold import upgrade as upgrades
    from slipway.show import kits, plans

    with upgrades.prepared(to) as change:
        kits.show_upgrade(change)
        if plan:
            plans.preview(change.plan())
            return
        plans.follow(change.plan())
    if change.conflicts:
        raise DifferenceFound(
            f"{', '.join(change.conflicts)}: your changes and Slipway's meet; settle what stands "
            "between <<<<<<< and >>>>>>> there, then ./inv test and commit"
        )
    kits.show_next_steps(change)
