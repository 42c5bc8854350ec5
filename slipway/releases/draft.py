"""The draft of a release: what the files on this computer would run, before anything is built."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from slipway.cluster import lease
from slipway.environments import production_rules
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.hosts.local import LocalHost
from slipway.images import lockfile, registry, sources
from slipway.images.sources import Build, Image
from slipway.migrations import files
from slipway.progress import Reporter
from slipway.releases import (
    application,
    build_secrets,
    certificates,
    image_tags,
    image_users,
    routing,
    secret_variables,
    service_secrets,
    stack,
)
from slipway.releases.commit import Commit
from slipway.releases.release import Release
from slipway.secrets import delivery

# What shapes the edge and the stacks besides the services' own environment.
RECORDED = (
    *("DOMAIN", "TLS", "HTTP_PORT", "HTTPS_PORT", "DRAIN_TIMEOUT", "RESPONSE_TIMEOUT", "PITR"),
    *("TRUSTED_PROXIES", "HSTS_DAYS", "SHOW_RELEASE", "LAB", "MAX_BODY_MB", "WATCH"),
    "HTTP3",
)


@dataclass(frozen=True)
class Draft:
    """A release without images; `builds` maps the tags that have to be there to their sources.

    `images` are those on this computer, `standing` those of the serving release that it keeps. A
    past release, which `is_recorded`, has its images and needs none of this.
    """

    release: Release
    builds: Mapping[str, Build]
    images: Mapping[str, Image]
    standing: Mapping[str, str] = field(default_factory=dict)
    is_recorded: bool = False

    @property
    def unbuilt(self) -> list[tuple[Build, str]]:
        there = self.images.keys() | self.standing.keys()
        return [(one, tag) for tag, one in self.builds.items() if tag not in there]


def draft(env: Environment, commit: Commit, reporter: Reporter | None = None) -> Draft:
    """Read compose files, sources and secret versions; nothing is built or changed.

    With a reporter, images from elsewhere that are not on this computer are pulled.
    """
    production_rules.check_examples(env)
    host = LocalHost()
    app = routing.with_routes(env, image_tags.marked(application.read(env), host), host)
    lock = lockfile.read(env.compose)
    if reporter is None:
        tags = image_tags.read(app, host)
    else:
        tags = image_tags.read(app, host, lambda names: registry.pull(host, names, reporter, lock))
    if _has_real_images(env):
        names = image_tags.from_elsewhere(app)
        lockfile.check(names, sources.inspect(host, names), lock)
    builds: dict[str, Build] = {}
    for build in app.builds:
        builds.setdefault(tags[build.service], build)
    images = sources.inspect(host, sorted(set(tags.values())))
    release = Release(
        number=0,
        commit=commit.name,
        images={},
        tags=tags,
        identities={name: _identity(tag, images) for name, tag in tags.items()},
        secrets=delivery.versions(env),
        services=app.services,
        migration_head=files.head(env.compose / "migrations"),
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        by=lease.owner(),
        settings={key: env.settings[key] for key in RECORDED if key in env.settings},
    )
    service_secrets.demand(env, release)
    certificates.demand(env, release)
    routing.demand_secrets(env, release.routes, release.secrets)
    service_secrets.check(env, release, host, images)
    image_users.check(release, host, images)
    fingerprint = stack.digest(env, release, "colour")
    needed = service_secrets.needed(env, release)
    return Draft(replace(release, fingerprint=fingerprint, secrets=needed), builds, images)


def build(env: Environment, draft: Draft, reporter: Reporter) -> Draft:
    """Build what is not there, and put the digest of every image into the release."""
    host = LocalHost()
    sources.build(host, draft.unbuilt, reporter, build_secrets.reader(env))
    images = sources.inspect(host, sorted(set(draft.release.tags.values())))
    missing = sorted(set(draft.release.tags.values()) - images.keys() - draft.standing.keys())
    if missing:
        raise Refused(f"no image {missing[0]} on this computer; run: inv bootstrap")
    refuse_stand_ins(env, images.values())
    service_secrets.check(env, draft.release, host, images)
    image_users.check(draft.release, host, images)
    draft = replace(draft, release=secret_variables.with_programs(draft.release, host, images))
    by_tag = {tag: image.id for tag, image in images.items()} | dict(draft.standing)
    by_service = {name: by_tag[tag] for name, tag in draft.release.tags.items()}
    to_bring = {tag: image for tag, image in images.items() if tag not in draft.standing}
    return replace(draft, release=replace(draft.release, images=by_service), images=to_bring)


def refuse_stand_ins(env: Environment, images: Iterable[Image]) -> None:
    """Raise Refused when a stand-in would reach an environment that has users."""
    if not _has_real_images(env):
        return
    names = sorted(image.tag for image in images if image.stand_in)
    if names:
        raise Refused(
            f"{names[0]} stands on a stand-in image, made because no registry answered. Pull the "
            f"real ones (inv bootstrap), or say ALLOW_STANDINS=on in compose/{env.name}.env"
        )


def _has_real_images(env: Environment) -> bool:
    """Whether what runs there has to be what registries have."""
    return not (env.is_local or env.switch("ALLOW_STANDINS"))


def _identity(tag: str, images: Mapping[str, Image]) -> str:
    """Name a content: a source tag does by itself, a foreign tag moves and needs the digest."""
    return images[tag].id if tag in images and ":src-" not in tag else tag
