"""The services of the new project, put together out of what was decided about each old one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from slipway.scaffold.importing import (
    classification,
    commands,
    health,
    new_service,
    old_database,
    routes,
    state,
    users,
    variables,
)
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.images import Images
from slipway.scaffold.importing.names import Names
from slipway.scaffold.importing.new_service import NewService
from slipway.scaffold.importing.old_secrets import OldSecrets
from slipway.scaffold.importing.routes import Routes
from slipway.scaffold.importing.state import State, Volumes
from slipway.scaffold.importing.variables import Readers, Variables

SERVERS = ("mysql", "mariadb", "mongo", "postgres", "mysql-server", "mssql", "couchdb", "neo4j")


@dataclass
class Assembly:
    """All that the files of the new project are written from."""

    draft: Draft
    old: Sequence[OldService]
    names: Names
    readers: Readers
    secrets: OldSecrets
    images: Images
    volumes: Volumes
    routes: Routes
    services: list[NewService] = field(default_factory=list)
    states: dict[str, State] = field(default_factory=dict)
    variables: dict[str, Variables] = field(default_factory=dict)
    secret_files: dict[str, str] = field(default_factory=dict)  # old name -> name here

    def kept(self) -> list[OldService]:
        """Return the services of the new project, stores first: they name the secrets."""
        own = [service for service in self.old if service.home == "project"]
        return sorted(own, key=lambda each: each.role != "accessory")

    def named(self, old: str) -> NewService | None:
        return next((s for s in self.services if s.name == self.names.services.get(old)), None)


def put_together(assembly: Assembly) -> None:
    """Make all services but the jobs that the old project did not have as services."""
    for service in assembly.kept():
        migrates = (service.role == "job" and service.migrates) or _migrates_at_start(service)
        assembly.variables[service.name] = variables.read(
            service, assembly.readers, migrates=migrates
        )
    for service in sorted(assembly.kept(), key=lambda each: each.name):
        assembly.services.append(_service(service, assembly))


def answer_state(services: Sequence[OldService], draft: Draft) -> Iterator[OldService]:
    """Ask about each service of the team that keeps files: one, or many that keep none."""
    for service in services:
        if service.role == "data" and service.is_built and service.home == "project":
            targets = ", ".join(mount.target for mount in service.keeps)
            text = (
                f"{service.name} keeps files in {targets}. data: it runs once, on "
                "the machine with the data; colour: it keeps none (they go "
                "to S3 or to another service), and runs in colours"
            )
            if draft.ask(f"state.{service.name}", text, "data", ("data", "colour")) == "colour":
                service = replace(
                    service, role="colour", reason="keeps its files elsewhere from now on"
                )
        yield service


def _migrates_at_start(service: OldService) -> bool:
    """Whether it changes the schema itself, as an image of others nearly always does."""
    if commands.parted(service.spec.get("command")) is not None:
        return False  # a job will do it
    is_of_others = not service.is_built and service.role in ("colour", "data")
    is_written = bool(classification.MIGRATES.search(classification.words(service.spec)))
    return is_of_others or is_written


def _service(service: OldService, assembly: Assembly) -> NewService:
    draft, name = assembly.draft, assembly.names[service.name]
    held = assembly.variables[service.name]
    spec = new_service.carried_over(service, assembly.names, draft)
    mounted = assembly.states[service.name] = state.decide(service, assembly.volumes, draft)
    spec |= _image(service, name, mounted, assembly)
    if mounted.volumes:
        spec["volumes"] = [*mounted.volumes, *spec.get("volumes", [])]
    held.secrets += [n for n in _read_by_commands(spec, service, assembly) if n not in held.secrets]
    environment = dict(held.environment)
    if held.uses_settings:
        spec["env_file"] = ["common.env", "${ENVIRONMENT:-dev}.env"]
    if environment:
        spec["environment"] = environment
    files = _old_secrets(service, assembly)
    if old_database.PASSWORD_NAME in files.values() and not held.speaks_to_database:
        text = (
            f"{service.name}: reads the password of the database from a file, and no variable says "
            "the rest; have its code read host, role and database from variables, and write them "
            "under environment, as POSTGRES_HOST: ${DATABASE_HOST}, POSTGRES_USER: "
            "${DATABASE_USER}, POSTGRES_DB: ${DATABASE_NAME}"
        )
        draft.refuse(text, "services", service.name, "secrets")
    user = users.numbers(service.spec)
    if described := new_service.secrets(held.secrets, files, user):
        spec["secrets"] = described
        spec |= {"user": user} if user else {}
    role = {"accessory": "data"}.get(service.role, service.role)
    if service.image.name in SERVERS and mounted.volumes:
        draft.note(
            (
                f"{service.name}: inv db.backup keeps PostgreSQL alone; keep what "
                f"is in {service.name} by a way of its own"
            ),
            "services",
            service.name,
        )
    new = NewService(name, service.reason, role, _labels(service, held, assembly), spec)
    if role == "job" and not service.migrates:
        spec["profiles"] = ["jobs"]
    return new


def _image(service: OldService, name: str, mounted: State, assembly: Assembly) -> dict[str, Any]:
    own = f"${{PROJECT}}/{name}"
    if service.is_built:
        own = f"${{PROJECT}}/{_builder(service, assembly)}"
        options = new_service.build_options(service, assembly.draft)
        if entries := options.get("secrets"):
            options["secrets"] = [_of_build(entry, assembly) for entry in entries]
        if mounted.copied:
            text = (
                f"{service.name}: {', '.join(mounted.copied)} was mounted; COPY it in "
                "its Dockerfile"
            )
            assembly.draft.refuse(text, "services", service.name, "volumes")
        return {"image": own, "build": assembly.images.build(service, options)}
    code = next((mount for mount in mounted.code if mount.content == "code"), None)
    if code is not None:
        build = assembly.images.around_code(service, name, code)
        return {"image": own, "build": build}
    if mounted.copied:
        build = assembly.images.with_texts(name, service.image.full, mounted.copied)
        return {"image": own, "build": build}
    return {"image": str(service.spec.get("image"))}


def _of_build(entry: Mapping[str, Any], assembly: Assembly) -> dict[str, str]:
    """Name a secret of a build as it is called here; the Dockerfile knows it by its old name."""
    old = str(entry["source"])
    return {
        "source": assembly.secret_files.get(old, old),
        "target": str(entry.get("target") or old),
    }


def _builder(service: OldService, assembly: Assembly) -> str:
    """Name the first of the services that are built alike: one image is enough for all."""
    alike = [each for each in assembly.kept() if each.spec.get("build") == service.spec["build"]]
    first = min(alike, key=lambda each: (each.role not in ("colour", "data"), each.name))
    return assembly.names[first.name]


def _labels(service: OldService, held: Variables, assembly: Assembly) -> dict[str, str]:
    labels: dict[str, str] = {}
    own = assembly.routes.get(service.name, [])
    if service.role == "job" and service.migrates:
        labels["slipway.phase"] = "release"
    if route := routes.in_label(service, own):
        labels["slipway.route"] = route.path
    if own:
        labels["slipway.port"] = str(own[0].port)
    if own and service.role == "colour":
        labels["slipway.ready"] = health.ready(service, own[0].port, assembly.draft)
    if held.as_variables:
        pairs = held.as_variables.items()
        words = [key if key == secret else f"{key}={secret}" for key, secret in pairs]
        labels["slipway.secret-variables"] = " ".join(words)
    return labels


def _read_by_commands(
    spec: dict[str, Any], service: OldService, assembly: Assembly
) -> Iterator[str]:
    """Take values of secrets out of what is started, and yield the names of those read instead."""
    for key in ("command", "entrypoint"):
        if spec.get(key):
            spec[key], read = commands.without_secrets(
                spec[key], service, assembly.secrets, assembly.draft
            )
            yield from read
            if spec[key] is None:
                del spec[key]
    check = spec.get("healthcheck", {}).get("test")
    if check:
        words = [check] if isinstance(check, str) else list(check)
        for value, name in assembly.secrets.within(" ".join(words)).items():
            words = [word.replace(value, f"$$(cat /run/secrets/{name})") for word in words]
            words[0] = "CMD-SHELL" if words[0] == "CMD" else words[0]
            yield name
        if words[0] == "CMD-SHELL" and len(words) > 2:
            words = ["CMD-SHELL", " ".join(words[1:])]
        spec["healthcheck"]["test"] = words[0] if isinstance(check, str) else words


def _old_secrets(service: OldService, assembly: Assembly) -> dict[str, str]:
    """Map the files below /run/secrets that a service reads to secrets here."""
    files = {}
    for entry in service.spec.get("secrets") or []:
        target = str(entry.get("target") or entry["source"]).removeprefix("/run/secrets/")
        if name := assembly.secret_files.get(str(entry["source"])):
            files[target] = name
    return files
