"""What part each service of the old project gets in the new one, and why."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from slipway.scaffold.importing import mounts, proxies, static_sites
from slipway.scaffold.importing.families import Image, image_of
from slipway.scaffold.importing.findings import Role
from slipway.scaffold.importing.mounts import OldMount
from slipway.scaffold.importing.old_project import OldProject, services

# Who has it in the new project: the team, Slipway itself, the hacking loop alone, nobody.
Home = Literal["project", "kit", "loop", "nowhere"]
MIGRATES = re.compile(
    r"\bmigrat(?:e|ions?|or)\b|\bdb:(?:prepare|migrate|schema:load)|\balembic\b.*\bupgrade\b"
    r"|\bflyway\b|\bdbmate\b|\bdb push\b|\bsyncdb\b"
)
MIGRATOR = re.compile(r"(?:^|[-_])(?:migrat\w*|flyway|dbmate|liquibase|db-?init)(?:$|[-_])")
WATCHES = re.compile(r"\b(?:yarn|npm|pnpm|npx|bun)\s+(?:run\s+)?(?:build|watch)[\w:.-]*$|--watch$")
OWNERSHIP = re.compile(r"\b(?:chown|chmod)\b")
CRON = re.compile(r"(?:^|[\s/])(?:crond?|supercronic|go-crond|yacron)(?:$|\s)")
LOOP_PROFILES = {"dev", "development", "debug", "local", "tools", "test", "tests", "e2e", "ci"}
ONCE = ("no", "none", "False", "false")
BACKUP_OF_KIT = "backs up the database, as inv db.backup and inv db.schedule do here"


@dataclass(frozen=True)
class OldService:
    """A service with its part; `spec` is as it was released, else as it is hacked on."""

    name: str
    spec: Mapping[str, Any]
    image: Image
    mounts: Sequence[OldMount]
    role: Role
    home: Home
    reason: str

    @property
    def keeps(self) -> list[OldMount]:
        """Return the mounts that it would miss."""
        return [mount for mount in self.mounts if mount.is_kept]

    @property
    def migrates(self) -> bool:
        """Whether it is there to change the schema."""
        return bool(MIGRATOR.search(self.name) or MIGRATES.search(words(self.spec)))

    @property
    def is_built(self) -> bool:
        return bool(self.spec.get("build"))


@dataclass(frozen=True)
class _Facts:
    """What the other services have to do with one."""

    project: OldProject
    awaited: frozenset[str]  # services whose end another waits for
    usual: frozenset[str]  # profiles that .env always starts
    database: str  # the one of several PostgreSQL that Slipway takes over


def classify(project: OldProject) -> list[OldService]:
    """Sort all services, also those of the loop alone."""
    released, hacked = services(project.released), services(project.hacked)
    specs = {**hacked, **released}
    facts = _Facts(project, frozenset(_awaited(specs)), project.profiles, _database(released))
    return [_sort(name, spec, facts, is_released=name in released) for name, spec in specs.items()]


def words(spec: Mapping[str, Any]) -> str:
    """Return what a container is started with, in one line."""
    parts = [spec.get("entrypoint"), spec.get("command")]
    return " ".join(part if isinstance(part, str) else " ".join(part) for part in parts if part)


def _sort(name: str, spec: Mapping[str, Any], facts: _Facts, *, is_released: bool) -> OldService:
    image = image_of(spec)
    held = mounts.of(spec, facts.project.folder)
    rules = (_by_file(spec, is_released=is_released), _by_image(name, spec, image, facts))
    decided = next(
        (each for each in (*rules, _by_life(name, spec, facts), _by_mounts(held)) if each), None
    )
    role, home, reason = decided or ("colour", "project", _about(spec))
    return OldService(name, spec, image, held, role, home, reason)


Decision = tuple[Role, Home, str]


def _by_file(spec: Mapping[str, Any], *, is_released: bool) -> Decision | None:
    profiles = set(spec.get("profiles") or [])
    if not is_released:
        return "dropped", "loop", "stands in the override file alone: for the hacking loop"
    if WATCHES.search(words(spec)) and not spec.get("ports"):
        return "dropped", "loop", "makes files anew while code changes: for the hacking loop"
    if profiles and profiles <= LOOP_PROFILES:
        which = ", ".join(sorted(profiles))
        return "dropped", "loop", f"is of the profile {which} alone: for the hacking loop"
    return None


def _by_image(name: str, spec: Mapping[str, Any], image: Image, facts: _Facts) -> Decision | None:
    match image.kind:
        case "postgres" if name == facts.database:
            return "data", "kit", f"is PostgreSQL ({image.full}): db of Slipway takes its place"
        case "postgres":
            return "accessory", "project", f"is one more PostgreSQL ({image.full}), kept as it is"
        case "store":
            return "accessory", "project", f"is {image.name}, with a life of its own"
        case "certificates":
            return "dropped", "nowhere", "brings certificates, as the edge does itself (TLS=auto)"
        case "pooler":
            return "accessory", "project", f"is {image.name}, between services and database"
        case "scheduler":
            return "dropped", "nowhere", "starts jobs by a schedule: they are jobs of their own now"
        case "backups":
            return "dropped", "nowhere", BACKUP_OF_KIT
        case "watcher":
            return "dropped", "nowhere", f"is {image.name}: a deploy alone changes what runs"
        case "host":
            return "dropped", "nowhere", f"is {image.name}, which looks at a whole machine"
        case "loop":
            return "dropped", "loop", f"is {image.name}, a tool for the hacking loop"
        case "shell" if not spec.get("build") and OWNERSHIP.search(words(spec)):
            return (
                "dropped",
                "nowhere",
                "changes the owner of folders, which volumes here have no need of",
            )
    if not proxies.is_proxy(spec):
        return None
    texts = proxies.configs(spec, facts.project.folder)
    if static_sites.of(spec, texts, facts.project.folder):
        return "edge", "kit", f"serves files and hands requests on ({image.full}): as edge does"
    if proxies.has_own_content(texts):
        return None
    if texts or not spec.get("build"):
        return (
            "edge",
            "kit",
            f"only hands requests on ({image.full or 'built'}): edge takes its place",
        )
    return None


def _by_life(name: str, spec: Mapping[str, Any], facts: _Facts) -> Decision | None:
    text = words(spec)
    ends = spec.get("restart", "no") in ONCE and (
        name in facts.awaited or _is_asked_for(spec, facts.usual)
    )
    is_migrator = bool(MIGRATOR.search(name)) or (
        spec.get("restart", "no") in ONCE and bool(MIGRATES.search(text)) and "&&" not in text
    )
    if is_migrator:
        return "job", "project", "changes the schema and ends: a job of the release"
    if name in facts.awaited or ends:
        return "job", "project", "ends by itself: a job"
    if CRON.search(text):
        return "colour", "project", "starts jobs by a crontab of its own"
    return None


def _by_mounts(held: Sequence[OldMount]) -> Decision | None:
    targets = [mount.target for mount in held if mount.is_kept]
    if targets:
        return "data", "project", f"keeps files in {', '.join(targets)}"
    return None


def _about(spec: Mapping[str, Any]) -> str:
    ports = sorted({int(port.get("target", 0)) for port in spec.get("ports") or []})
    doing = f"answers on port {', '.join(map(str, ports))}" if ports else "publishes no port"
    return f"keeps nothing and {doing}"


def _is_asked_for(spec: Mapping[str, Any], usual: frozenset[str]) -> bool:
    """Whether nothing starts it but a person who names its profile."""
    profiles = set(spec.get("profiles") or [])
    return bool(profiles - usual) and not profiles & usual and not spec.get("ports")


def _awaited(specs: Mapping[str, Any]) -> Iterator[str]:
    for spec in specs.values():
        for name, condition in (spec.get("depends_on") or {}).items():
            if condition.get("condition") == "service_completed_successfully":
                yield name


def _database(specs: Mapping[str, Any]) -> str:
    """Name the PostgreSQL that Slipway takes over: the one that most others wait for."""
    candidates = [name for name, spec in specs.items() if image_of(spec).kind == "postgres"]
    built = [
        name
        for name, spec in specs.items()
        if spec.get("build") and _stands_on_postgres(spec) and name not in candidates
    ]
    users = {
        name: sum(name in (spec.get("depends_on") or {}) for spec in specs.values())
        for name in candidates or built
    }
    return max(users, key=lambda name: (users[name], name in ("db", "postgres")), default="")


def _stands_on_postgres(spec: Mapping[str, Any]) -> bool:
    from slipway.images import dockerfile

    build = spec["build"]
    path = Path(build.get("context") or "", build.get("dockerfile") or "Dockerfile")
    names = dockerfile.bases_of(path, {}, str(build.get("target") or ""))
    return bool(names) and image_of({"image": names[-1]}).kind == "postgres"
