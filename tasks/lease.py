"""The lease of an environment: who is changing it now; hold it, so that nobody does."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment


@command(runbook="deploy", help={"json": "Print it as JSON."})
def show(env: "Environment", *, json: bool = False) -> None:
    """Show who is changing an environment, or holds it so that nobody does.

    Example: inv lease.show --env=prod
    """
    from slipway.cluster import lease
    from slipway.machines import connect
    from slipway.releases import canary_record
    from slipway.show import releases

    with connect.connected(env, lenient=True) as cluster:
        holder = lease.holder_of(cluster.manager, env.prefix)
        canary = canary_record.read(cluster.manager, env.prefix) if holder else None
    releases.show_lease(env, holder, canary, as_json=json)


@command(runbook="deploy", help={"reason": "Why, for whoever is refused."})
def hold(env: "Environment", *, reason: str) -> None:
    """Hold the lease until it is released: no deploy, rollback, migration or restore begins.

    Example: inv lease.hold --env=prod --reason="the sale, until Monday"
    """
    from slipway.cluster import lease
    from slipway.machines import connect
    from slipway.show import writer

    with connect.connected(env, lenient=True) as cluster:
        lease.hold_by_hand(cluster.manager, env.prefix, reason)
    writer.say(f"{env.name} is held; to release it: inv lease.release --env={env.name}")


@command(runbook="deploy")
def release(env: "Environment") -> None:
    """Release the lease that somebody holds by hand.

    Example: inv lease.release --env=prod
    """
    from slipway.cluster import lease
    from slipway.machines import connect
    from slipway.show import writer

    with connect.connected(env, lenient=True) as cluster:
        holder = lease.release_by_hand(cluster.manager, env.prefix)
    if holder is None:
        writer.say(f"nobody was holding {env.name}")
    else:
        writer.say(f"{env.name} is released; {holder.owner} had held it ({holder.reason})")
