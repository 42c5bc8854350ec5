"""How the old application changes its schema: its tool, recognised in the build folder."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LARGEST = 1 << 20
# Scripts of a package.json that migrate, the surest first.
SCRIPTS = (
    "migrate:deploy",
    "db:migrate:deploy",
    "migrate:up",
    "migrate:latest",
    "db:migrate",
    "migrate",
    "migrations:run",
    "migration:run",
)
NODE: Mapping[str, tuple[str, str, str]] = {  # package: name, command, its table
    "prisma": ("Prisma", "npx prisma migrate deploy", "_prisma_migrations"),
    "@prisma/client": ("Prisma", "npx prisma migrate deploy", "_prisma_migrations"),
    "knex": ("knex", "npx knex migrate:latest", "knex_migrations"),
    "node-pg-migrate": ("node-pg-migrate", "npx node-pg-migrate up", "pgmigrations"),
    "db-migrate": ("db-migrate", "npx db-migrate up", "migrations"),
    "migrate": ("node-migrate", "npx migrate up", "migrations"),
    "sequelize-cli": ("Sequelize", "npx sequelize-cli db:migrate", "SequelizeMeta"),
    "typeorm": ("TypeORM", "npx typeorm migration:run", "migrations"),
    "drizzle-kit": ("Drizzle", "npx drizzle-kit migrate", "__drizzle_migrations"),
}
STARTS = (
    "entrypoint*",
    "docker-entrypoint*",
    "start*.sh",
    "prestart*.sh",
    "boot*.sh",
    "*.ini",
    "bin/docker-entrypoint",
    "docker/entrypoint*",
    "scripts/prestart*.sh",
    "scripts/start*.sh",
)


@dataclass(frozen=True)
class MigrationTool:
    """What migrates, how it is started, and the table in which it keeps what it did."""

    name: str
    command: str
    table: str
    file: Path


def recognise(build: Mapping[str, Any]) -> MigrationTool | None:
    """Find the tool in the folder of the Dockerfile, then in that of the build."""
    context = Path(build.get("context") or "")
    folders = dict.fromkeys(((context / (build.get("dockerfile") or "Dockerfile")).parent, context))
    tools = (tool for folder in folders if folder.is_dir() for tool in _in_folder(folder))
    return next(tools, None)


def dbmate_files(build: Mapping[str, Any]) -> Path | None:
    """Return the folder with migrations in dbmate's format, which is Slipway's own."""
    context = Path(build.get("context") or "")
    for folder in (context / "db/migrations", context.parent / "db/migrations"):
        if any("-- migrate:up" in _text(path) for path in sorted(folder.glob("*.sql"))[:3]):
            return folder
    return None


def starts_with_it(
    build: Mapping[str, Any], pattern: re.Pattern[str]
) -> Iterator[tuple[Path, int]]:
    """Yield scripts of the start that migrate too, with their lines."""
    context = Path(build.get("context") or "")
    folders = dict.fromkeys(((context / (build.get("dockerfile") or "Dockerfile")).parent, context))
    paths = dict.fromkeys(
        path for folder in folders for form in STARTS for path in sorted(folder.glob(form))
    )
    for path in paths:
        for number, line in enumerate(_text(path).splitlines(), 1):
            if pattern.search(line) and not line.lstrip().startswith("#"):
                yield path, number
                break


def _in_folder(folder: Path) -> Iterator[MigrationTool]:
    for find in (_of_node, _of_python, _of_others):
        if tool := find(folder):
            yield tool


def _of_node(folder: Path) -> MigrationTool | None:
    path = folder / "package.json"
    try:
        package = json.loads(_text(path) or "{}")
        needs = {**package.get("devDependencies", {}), **package.get("dependencies", {})}
        scripts = package.get("scripts", {})
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    known = next((NODE[name] for name in NODE if name in needs), None)
    script = next((name for name in SCRIPTS if name in scripts), "")
    if known is None and not script:
        return None
    name, command, table = known or (f"npm's script {script}", "", "")
    return MigrationTool(name, f"npm run {script}" if script else command, table, path)


def _of_python(folder: Path) -> MigrationTool | None:
    if (path := folder / "alembic.ini").is_file():
        return MigrationTool("Alembic", "alembic upgrade head", "alembic_version", path)
    if "django" in _text(path := folder / "manage.py"):
        command = "python manage.py migrate --noinput"
        return MigrationTool("Django", command, "django_migrations", path)
    return None


def _of_others(folder: Path) -> MigrationTool | None:
    if (folder / "db/migrate").is_dir() and (folder / "config").is_dir():
        return MigrationTool(
            "Rails", "bin/rails db:migrate", "schema_migrations", folder / "db/migrate"
        )
    if (path := folder / "artisan").is_file():
        return MigrationTool("Laravel", "php artisan migrate --force", "migrations", path)
    if (path := folder / "prisma/schema.prisma").is_file():
        name, command, table = NODE["prisma"]
        return MigrationTool(name, command, table, path)
    for name in ("flyway.conf", "flyway.toml", "conf/flyway.conf"):
        if (path := folder / name).is_file():
            return MigrationTool("Flyway", "flyway migrate", "flyway_schema_history", path)
    return None


def _text(path: Path) -> str:
    if not path.is_file() or path.stat().st_size > LARGEST:
        return ""
    return path.read_bytes().decode(errors="replace")
