"""Images that nothing uses and no release on record needs, and builds' cache, on every machine."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from slipway import shell_scripts
from slipway.cluster import lease
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts import parallel
from slipway.hosts.answers import reading
from slipway.hosts.host import Host, script
from slipway.images.weight import human
from slipway.machines import connect
from slipway.machines.connect import Cluster
from slipway.plan import Plan, Step
from slipway.progress import Reporter
from slipway.releases import history, prune
from slipway.releases.release import Release

LOOK = shell_scripts.read(__file__, "unused_images_look.sh")
KEPT = shell_scripts.read(__file__, "unused_images_kept.sh")
BUILT = ":src-"  # in the tag of an image that a deploy has built
REMOVE = shell_scripts.read(__file__, "unused_images_remove.sh")


@dataclass(frozen=True)
class UnusedImage:
    """An image of a machine that no container uses; `size` is in bytes, shared layers counted."""

    machine: str
    id: str
    size: int
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return ", ".join(self.tags) or f"untagged {self.id.removeprefix('sha256:')[:12]}"

    @property
    def names(self) -> set[str]:
        """All that a release may call it by."""
        return {self.id, *self.tags, *self.digests}


@dataclass(frozen=True)
class Found:
    """What is there to remove: images, and how large builds' cache is on each machine."""

    images: Sequence[UnusedImage]
    cache: Sequence[tuple[str, str]]


def choose(
    images: Sequence[UnusedImage], needed: Collection[str], repositories: Collection[str] | None
) -> list[UnusedImage]:
    """Keep of unused images those that no release needs.

    On a computer that is not Slipway's alone only what deploys built for these `repositories` is
    ours; None where all is.
    """
    return [
        image
        for image in images
        if not image.names & set(needed) and (repositories is None or _is_of(image, repositories))
    ]


def look(env: Environment, cluster: Cluster) -> Found:
    """Look on every machine at once."""
    records = list(_records(cluster.manager))
    needed = {name for release in records for name in _names(release)}
    ours = {tag.rpartition(BUILT)[0] for tag in needed if BUILT in tag}
    repositories = {f"{env.project}/", *ours} if env.is_local else None
    answers = parallel.each(cluster.all, lambda host: (host, script(host, LOOK, timeout=120).out))
    images: list[UnusedImage] = []
    cache = []
    for host, text in answers:
        with reading(host.name, "which images it has"):
            for line in text.splitlines():
                word, *rest = line.split("\t")
                if word == "cache":
                    cache.append((host.name, rest[0]))
                else:
                    images.append(_image(host.name, word, *rest))
    return Found(choose(images, needed, repositories), cache)


def plan(env: Environment) -> tuple[Plan, Found]:
    """Look what a prune would remove."""
    with connect.connected(env, lenient=True) as cluster:
        there = look(env, cluster)
        return _plan(env, cluster, _live(env, cluster), there), there


def run(env: Environment, reporter: Reporter) -> None:
    """Remove all that is ours and needed by nobody."""
    with (
        connect.connected(env, lenient=True) as cluster,
        lease.hold(cluster.manager, env.prefix, "pruning"),
    ):
        live = _live(env, cluster)
        _plan(env, cluster, live, look(env, cluster)).run(reporter)


def _plan(env: Environment, cluster: Cluster, live: Release, there: Found) -> Plan:
    def remove_records() -> str:
        return prune.run(env, cluster, observe(cluster.manager, env.prefix), live)

    def remove_images() -> str:
        freed = sum(parallel.each(cluster.all, remove))
        return f"{human(freed)} of images removed"

    def remove(host: Host) -> int:
        ids = [image.id for image in there.images if image.machine == host.name]
        lines = script(host, REMOVE, *ids, timeout=600).out.splitlines()
        gone = {line.removeprefix("removed ") for line in lines if line.startswith("removed ")}
        return sum(one.size for one in there.images if one.id in gone and one.machine == host.name)

    count = len(there.images)
    others = f"remove {count} other images that nothing needs, and builds' cache of a week ago"
    steps = [
        Step("records", "remove what no kept release needs, as a deploy does", remove_records),
        Step("images", others, remove_images),
    ]
    return Plan(f"prune {env.name}", steps)


def _live(env: Environment, cluster: Cluster) -> Release:
    """Return the release that serves. Raises Refused where nothing is deployed."""
    observed = observe(cluster.manager, env.prefix)
    release = history.serving(cluster.manager, observed, env.prefix)
    if release is None:
        raise Refused(f"{env.name} has no release yet, so there is nothing to prune")
    return release


def _records(manager: Host) -> Iterator[Release]:
    """Read all releases on record of all environments. Raises HostError for one that is damaged.

    What it needs could not be told, and would be removed.
    """
    for line in script(manager, KEPT, timeout=60).out.splitlines():
        if line.strip():
            with reading(manager.name, "a release on record"):
                yield Release.from_json(line)


def _names(release: Release) -> set[str]:
    return {*release.images.values(), *release.tags.values(), *release.identities.values()}


def _is_of(image: UnusedImage, repositories: Collection[str]) -> bool:
    ours = (tag.startswith(tuple(repositories)) and BUILT in tag for tag in image.tags)
    return bool(image.tags) and all(ours)


def _image(machine: str, ident: str, size: str, _: str, tags: str, digests: str) -> UnusedImage:
    return UnusedImage(machine, ident, int(size), tuple(tags.split()), tuple(digests.split()))
