"""Whether services speak encrypted between the machines: decided for the first release, then kept.

An engine never changes a network that is there. So the encrypted ones have names of their own, and
a colour moves from the others to them as it moves to any release.
"""

from dataclasses import replace

from slipway import shell_scripts
from slipway.environments.environment import Environment
from slipway.errors import Refused, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.host import Host
from slipway.hosts.sudo import as_root
from slipway.machines.connect import Cluster
from slipway.releases import networks, stack
from slipway.releases.draft import Draft
from slipway.releases.release import ENCRYPTED, Release

SETTING = "NETWORK_ENCRYPTION"
PROBE = shell_scripts.read(__file__, "network_encryption_probe.sh")


def settle(env: Environment, cluster: Cluster, draft: Draft, live: Release | None) -> Draft:
    """Have a draft say whether its networks are encrypted; a past release knows it already."""
    if draft.is_recorded or not _is_wanted(env, cluster, draft.release, live):
        return draft
    settings = {**draft.release.settings, ENCRYPTED: "on"}
    release = replace(draft.release, settings=settings)
    fingerprint = stack.digest(release.environment(env), release, "colour")
    return replace(draft, release=replace(release, fingerprint=fingerprint))


def check(env: Environment, cluster: Cluster, release: Release) -> None:
    """Raise Refused where a machine's kernel cannot do what the release needs."""
    if not release.encrypts_networks:
        return
    if unable := _unable(cluster):
        raise Refused(
            "networks cannot be encrypted between the machines: "
            f"{'; '.join(map(str, unable))}. Run the "
            f"distribution's own kernel there, or set {SETTING}=off in compose/{env.name}.env "
            "where you trust the network between them. Nothing was changed"
        )


def complaint(env: Environment, cluster: Cluster, release: Release) -> str:
    """Say what to type where services of the live release speak openly between machines."""
    setting = env.settings.get(SETTING, "auto")
    specs = [service.spec for service in release.services]
    if env.is_local or setting == "off":
        return ""
    if release.encrypts_networks or networks.are_encrypted(specs):
        return ""
    if setting == "auto" and (cluster.is_rehearsal or cluster.size < 2):
        return ""
    then = f"inv deploy --env={env.name}"
    if setting == "auto":
        then = (
            f"set {SETTING}=on in compose/{env.name}.env and deploy, which starts the database "
            "and the edges once more; or off, where you trust the network between them"
        )
    return f"what services say to each other between the machines is not encrypted: {then}"


def _is_wanted(env: Environment, cluster: Cluster, release: Release, live: Release | None) -> bool:
    setting = env.settings.get(SETTING, "auto")
    if env.is_local or setting == "off":
        return False
    if networks.are_encrypted([service.spec for service in release.services]):
        return bool(live and live.encrypts_networks)
    if setting == "on":
        return True
    if live:
        return live.encrypts_networks
    if cluster.is_rehearsal:  # nothing that its machines say leaves this computer
        return False
    # One machine sends nothing, yet: where its kernel cannot encrypt, that is no reason to refuse.
    return cluster.size > 1 or not _unable(cluster)


def _unable(cluster: Cluster) -> list[SlipwayError]:
    """Return what machines say whose kernel cannot encrypt."""
    answers = parallel.attempt(cluster.all, _probe)
    return [answer for answer in answers if isinstance(answer, SlipwayError)]


def _probe(host: Host) -> None:
    as_root(host, PROBE, timeout=20)
