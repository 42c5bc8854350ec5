"""The job of a release that changes the schema, made where the old project had none of its own."""

import copy
from collections.abc import Sequence
from typing import Any

from slipway.scaffold.importing import commands, migration_tools, users, variables
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.classification import MIGRATES, OldService
from slipway.scaffold.importing.new_service import NewService, secrets

NAME = "migrate"
# What a job has no need of, or would do twice.
NOT_OF_A_JOB = ("healthcheck", "stop_grace_period", "volumes", "deploy", "logging", "profiles")


def add(assembly: Assembly) -> None:
    """Add the job, or say that who starts also migrates."""
    if any(s.role == "job" and s.migrates for s in assembly.kept()):
        return
    for service in assembly.kept():
        if service.role in ("colour", "data") and _add_parted(service, assembly):
            return
    speaking = [
        service
        for service in assembly.kept()
        if service.role in ("colour", "data")
        and assembly.variables[service.name].speaks_to_database
    ]
    if any(service.is_built and _add_tool(service, assembly) for service in speaking):
        return
    images: dict[str, list[OldService]] = {}
    for service in speaking:
        if not service.is_built:
            images.setdefault(service.image.full, []).append(service)
    for image, users_of_it in images.items():
        _say_at_start(image, users_of_it, assembly)


def say_baseline(assembly: Assembly) -> None:
    """Say how migrations in dbmate's format are taken over."""
    for service in assembly.kept():
        folder = migration_tools.dbmate_files(service.spec.get("build") or {})
        if folder is not None and "compose/migrations" not in assembly.draft.folders:
            assembly.draft.folders["compose/migrations"] = folder
            newest = max((path.name.partition("_")[0] for path in folder.glob("*.sql")), default="")
            shown = assembly.draft.project.shown(folder)
            assembly.draft.note(
                f"{shown}: migrations in dbmate's format are Slipway's own: a deploy applies them; "
                "where "
                f"the old data is brought over, inv db.baseline --env=ENV --version={newest} first"
            )


def _add_parted(service: OldService, assembly: Assembly) -> bool:
    """Part a command that migrates and then serves."""
    new = assembly.named(service.name)
    parts = commands.parted(new.spec.get("command")) if new else None
    if new is None or parts is None:
        return False
    new.spec["command"] = parts[1]
    where = ("services", service.name, "command")
    text = f"{service.name}: what its command migrated before it served is the job {NAME} now"
    assembly.draft.note(text, *where)
    _add_job(service, new, parts[0], "what the command did before it served", assembly)
    return True


def _add_tool(service: OldService, assembly: Assembly) -> bool:
    build = service.spec["build"]
    tool = migration_tools.recognise(build)
    new = assembly.named(service.name)
    if tool is None or new is None:
        return False
    command = ["sh", "-c", f"exec {tool.command}"]
    _add_job(service, new, command, f"{tool.name}, as {tool.file.name} says", assembly)
    shown = assembly.draft.project.shown(tool.file)
    table = f"; what it did stands in the table {tool.table}" if tool.table else ""
    assembly.draft.note(
        f"{shown}: {tool.name} changes the schema: its command is the job {NAME} of each release, "
        "in the "
        f"image of {service.name}, which has to hold it{table}"
    )
    for path, line in migration_tools.starts_with_it(build, MIGRATES):
        assembly.draft.note(
            f"{assembly.draft.project.shown(path)}:{line}: migrates too when it starts; take it "
            "out, "
            f"since {service.name} is not the owner of the tables and {NAME} has done it"
        )
    return True


def _add_job(
    service: OldService, new: NewService, command: Any, how: str, assembly: Assembly
) -> None:
    held = variables.read(service, assembly.readers, migrates=True)
    spec = {k: v for k, v in copy.deepcopy(new.spec).items() if k not in NOT_OF_A_JOB}
    spec |= {"command": command}
    spec.pop("environment", None)
    if held.environment:
        spec["environment"] = held.environment
    if described := secrets(held.secrets, {}, users.numbers(service.spec)):
        spec["secrets"] = described
    labels = {"slipway.phase": "release"}
    if held.as_variables:
        pairs = held.as_variables.items()
        words = [key if key == secret else f"{key}={secret}" for key, secret in pairs]
        labels["slipway.secret-variables"] = " ".join(words)
    name = NAME if assembly.named(NAME) is None else f"{service.name}-{NAME}"
    if held.lacks_host:
        variables.demand_host(name, service, assembly.draft)
    reason = f"changes the schema, once for each release and before it starts: {how}"
    networks = {key: list[str]() for key in new.networks if key != "edge"}
    assembly.services.append(NewService(name, reason, "job", labels, spec, networks))


def _say_at_start(image: str, old: Sequence[OldService], assembly: Assembly) -> None:
    text = (
        f"{', '.join(each.name for each in old)}: an image of others ({image}) may change the "
        "schema when it starts, so it comes to the database as DATABASE_USER_migrator, who acts as "
        "its owner; where it waits for a command, bring the data (inv db.import), or type that: "
        f'inv exec --env=dev --service={old[0].name} --command="…"'
    )
    assembly.draft.note(text, "services", old[0].name, "image")
