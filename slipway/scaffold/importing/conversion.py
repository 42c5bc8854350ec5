"""An old compose project read, and the files of the new project that it becomes.

Nothing in the old project is changed, and nothing is written anywhere.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.errors import UsageError
from slipway.scaffold.importing import (
    acceptance,
    assembly,
    classification,
    compose_text,
    env_sources,
    loop,
    migration_job,
    names,
    old_database,
    old_project,
    routes,
    scheduled_jobs,
    service_networks,
    settings_file,
    static_sites,
)
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import ConvertedService, Draft, Problem, Question
from slipway.scaffold.importing.images import Images
from slipway.scaffold.importing.new_service import NewService
from slipway.scaffold.importing.old_secrets import OldSecrets
from slipway.scaffold.importing.routes import Routes
from slipway.scaffold.importing.state import Volumes
from slipway.scaffold.importing.variables import Readers
from slipway.secrets.secret import Secret
from slipway.suggest import nearest

__all__ = ["Conversion", "ConvertedService", "Problem", "Question", "convert"]


@dataclass(frozen=True)
class Conversion:
    """What the new project begins with, and what was decided on the way."""

    services: tuple[ConvertedService, ...]
    files: Mapping[str, str]  # text files by their path in the new project
    folders: Mapping[str, Path]  # folders to copy, by theirs; env_sources.names lists what of each
    secrets: Mapping[str, Secret]  # what dev and testing begin with
    questions: tuple[Question, ...]
    notes: tuple[str, ...]
    problems: tuple[Problem, ...]
    leftovers: tuple[Path, ...]  # files of the old project with secrets in them


def convert(
    compose_file: Path, *, name: str, domain: str = "", answers: Mapping[str, str] | None = None
) -> Conversion:
    """Read an old compose file and say what the new project's files are.

    Raises ConfigError in one line for one that cannot be read, UsageError for an answer to nothing.
    """
    project = old_project.read(compose_file, domain)
    draft = Draft(project, name, domain, answers or {})
    parts = _assembly(draft)
    assembly.put_together(parts)
    service_networks.join(parts)
    migration_job.add(parts)
    migration_job.say_baseline(parts)
    scheduled_jobs.add(parts)
    _write(parts)
    _say_the_rest(parts)
    _demand_known(draft)
    draft.gather()
    draft.problems += acceptance.problems(draft.files, draft.folders)
    return Conversion(
        services=tuple(ConvertedService(s.name, s.role, s.reason) for s in parts.old),
        files=draft.files,
        folders=draft.folders,
        secrets=draft.secrets,
        questions=tuple(draft.questions),
        notes=tuple(draft.notes),
        problems=tuple(draft.problems),
        leftovers=tuple(draft.leftovers),
    )


def _assembly(draft: Draft) -> Assembly:
    old = list(assembly.answer_state(classification.classify(draft.project), draft))
    chosen = names.choose(old, draft.name)
    kit = next((s for s in old if s.home == "kit" and s.role == "data"), None)
    database = None
    if kit is not None:
        hosts = (kit.name, *names.other_names(kit.spec))
        others = [service.spec for service in old if service.home == "project"]
        database = old_database.read(kit.spec, hosts, others)
        _say_database(kit, draft)
    hosts_inside = frozenset([*chosen.by_old, *chosen.services.values()])
    secrets = OldSecrets(draft, hosts_inside)
    shared = env_sources.shared(draft.project)
    served = routes.choose(old, chosen, draft)
    old = [_with_route(service, served) for service in old]
    parts = Assembly(
        draft=draft,
        old=old,
        names=chosen,
        readers=Readers(draft, chosen, secrets, database, shared),
        secrets=secrets,
        images=Images(draft),
        volumes=Volumes(draft),
        routes=served,
    )
    parts.secret_files = env_sources.secret_files(parts)
    return parts


def _with_route(service: OldService, served: Routes) -> OldService:
    """Say of a service with a route what it serves, in place of what it published."""
    own = served.get(service.name)
    if not own:
        return service
    paths = ", ".join(route.path for route in own)
    keeps = "keeps nothing" if service.role == "colour" else service.reason
    text = f"{keeps}, and serves {paths} on port {own[0].port}"
    return dataclasses.replace(service, reason=text)


def _say_database(kit: OldService, draft: Draft) -> None:
    """Say what becomes of a database that is not as Slipway's own is."""
    where = ("services", kit.name, "image")
    major, image = kit.image.major, kit.image.full or "an image of its own"
    if kit.image.name not in ("postgres", "postgresql", ""):
        draft.refuse(
            (
                f"{kit.name}: {image} has more than postgres: let "
                f"compose/db/Dockerfile begin with FROM {image}, or install the "
                "extension there, for the same major version"
            ),
            *where,
        )
    elif major is not None and major != 17:
        draft.note(
            (
                f"{kit.name}: is PostgreSQL {major} and db is 17: a dump of "
                f"it goes into 17 (inv db.import); to stay with {major} write "
                f"FROM postgres:{major} in compose/db/Dockerfile and "
                "compose/ops/Dockerfile"
            ),
            *where,
        )
    for mount in kit.mounts:
        if mount.content == "configuration":
            draft.refuse(
                (
                    f"{kit.name}: {mount.target} is not taken over; db makes its roles itself, "
                    "what else it makes in the database belongs into a migration, what it sets "
                    "into command: of db"
                ),
                "services",
                kit.name,
                "volumes",
            )
    command = classification.words(kit.spec)
    if command and command != "postgres":
        draft.note(
            (
                f"{kit.name}: its command ({command[:80]}) is not taken over; "
                "write command: of db in compose/compose.<environment>.yml where it "
                "matters"
            ),
            "services",
            kit.name,
            "command",
        )


def _write(parts: Assembly) -> None:
    draft, project = parts.draft, parts.draft.name
    described, volumes = loop.describe(parts)
    texts = [compose_text.service(s.name, s.reason, s.ordered()) for s in parts.services]
    used = {network for service in parts.services for network in service.networks}
    tops: dict[str, Mapping[str, Any]] = {
        "networks": {name: {} for name in sorted(used - {"edge", "data"})},
        "volumes": dict(sorted(parts.volumes.definitions.items())),
        "secrets": compose_text.secrets(sorted(parts.secrets.rules)),
    }
    if not texts:
        draft.refuse("none of its services becomes one of a project", "services", is_fatal=True)
        texts = ["  {}\n"]
    draft.files["compose/compose.yml"] = compose_text.base(project, texts, tops)
    draft.files["compose/compose.override.yml"] = compose_text.loop(described, {"volumes": volumes})
    entries = routes.entries(parts.old, parts.routes, parts.names)
    for service in parts.old:
        if service.role == "edge":
            sites = routes.static_of(service, draft)
            entries += static_sites.entries(sites, parts.images.folder, draft)
    if entries:
        draft.files["compose/routes.yml"] = compose_text.routes(entries)
    draft.files["compose/settings.yml"] = settings_file.rules(draft.settings, parts.secrets.rules)
    old = parts.readers.database
    called = (old.user, old.name) if old else ("postgres", "postgres")
    user, database = (old_database.new_name(each, project) for each in called)
    common = settings_file.common_env(project, (user, database), draft.settings)
    draft.files["compose/common.env"] = common


def _say_the_rest(parts: Assembly) -> None:
    draft = parts.draft
    for service in parts.old:
        if service.home != "project":
            draft.note(f"{service.name}: {service.reason}", "services", service.name)
    for old, new in parts.names.services.items():
        if old != new and (named := parts.named(old)) is not None:
            why = "is Slipway's own" if old in names.TAKEN else "is too long for a Swarm"
            draft.note(
                (
                    f"{old}: is called {named.name} here, since {old} {why}; addresses "
                    "in variables and commands say so, code has to be told"
                ),
                "services",
                old,
            )
    networks = sorted(set(draft.project.released.get("networks") or {}) - {"default"})
    if networks:
        text = (
            f"{', '.join(networks)}: services meet on the networks data and app here, and the "
            "edge reaches those with a route"
        )
        draft.note(text, "networks", networks[0])
    for path in env_sources.examples_alone(draft.project):
        draft.note(
            f"{draft.project.shown(path)}: is an example, and there is no .env of it: what it "
            f"sets was empty; cp {path.name} .env there, then again"
        )
    _say_what_to_harden(parts)
    if parts.readers.database is None:
        draft.note("no service has PostgreSQL: db of Slipway has nothing of this application in it")
    for path in draft.project.unread:
        draft.note(f"{draft.project.shown(path)}: is read neither for a release nor for the loop")
    for name in draft.project.unset:
        draft.note(f"{name} is set nowhere in the old project, and was empty")
    local = [
        key
        for key, value in sorted(draft.settings.items())
        if re.search(r"//(?:localhost|127\.)", value)
    ]
    if local:
        draft.note(
            f"{', '.join(local)}: name this computer; give staging and prod "
            "theirs in compose/staging.env and compose/prod.env"
        )
    if outside := parts.secrets.outside:
        draft.note(
            f"{', '.join(outside)}: open something outside of this application, "
            "so dev and testing begin without their old values: whoever "
            "reads the repository reads those secrets. Set others: inv "
            f"secrets.set --env=dev --name={outside[0]}"
        )
    draft.leftovers += env_sources.leftovers(parts)


def _say_what_to_harden(parts: Assembly) -> None:
    """Say what is not added, since an image of others may not survive it."""
    own = [service for service in parts.services if service.role in ("colour", "data")]
    for what, lacking in (
        ("read_only and cap_drop", [s.name for s in own if not s.spec.get("read_only")]),
        ("a limit of memory", [s.name for s in own if not _has_limit(s)]),
    ):
        if lacking:
            text = f"{', '.join(lacking)}: without {what}; try it in dev, then write it as "
            parts.draft.note(f"{text}compose/slipway.yml does")


def _has_limit(service: NewService) -> bool:
    resources = (service.spec.get("deploy") or {}).get("resources") or {}
    return bool((resources.get("limits") or {}).get("memory"))


def _demand_known(draft: Draft) -> None:
    """Raise UsageError for an answer to what was not asked."""
    known = {question.key for question in draft.questions}
    for key in draft.answers:
        if key not in known:
            raise UsageError(f"{key[:60]!a} is not asked of this project{nearest(key, known)}")
