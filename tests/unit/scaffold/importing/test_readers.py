"""What is read of an old project piece by piece: schedules, proxies, tools, users, addresses."""

from pathlib import Path

import pytest

from slipway.releases import host_names
from slipway.scaffold.importing import (
    commands,
    copies,
    deck_chores,
    migration_tools,
    old_database,
    proxies,
    schedules,
    users,
    variables,
)
from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.families import image_of
from slipway.scaffold.importing.old_database import OldDatabase
from slipway.scaffold.importing.proxies import Forward

DATABASE = OldDatabase(("postgres", "pg.internal"), "postgres", "pw", "shop")


@pytest.mark.parametrize(
    ("written", "cron"),
    [
        ("15 3 * * *", "15 3 * * *"),
        ("0 15 3 * * *", "15 3 * * *"),  # with seconds
        ("@daily", "0 0 * * *"),
        ("@every 10m", "*/10 * * * *"),
        ("@every 1h", "0 * * * *"),
        ("@every 24h", "0 0 * * *"),
        ("@every 7m", ""),
        ("*/30 * * * * *", ""),  # twice a minute
        ("whenever", ""),
    ],
)
def test_schedules_are_five_fields_or_asked_for(written: str, cron: str) -> None:
    assert schedules.five_fields(written) == cron


@pytest.mark.parametrize(
    ("word", "written", "cron"),
    [
        ("cron", "*/3 0 0", "0 */3 * * *"),
        ("cron", "6 1 0 0", "0 1 * * 7"),  # a week of theirs begins with 0, on Monday
        ("cron", "* 1,7 1 * * 4 30 0", "30 4 1 1,7 *"),
        ("cron", "0-4 6 15 0", "15 6 * * 1-5"),
        ("cron", "sun 1 0 0", "0 1 * * sun"),
        ("cron", "* * * 12 * 4 30 0", ""),  # of a week of the year
        ("cron", "30 * *", ""),  # each second
        ("interval", "daily", "0 0 * * *"),
        ("interval", "every minute", "* * * * *"),
        ("interval", "6:00:00", "0 */6 * * *"),
        ("interval", "15:00", "*/15 * * * *"),
        ("interval", "42:00:00", ""),
        ("interval", "30", ""),
        ("date", "2031-01-01", ""),
    ],
)
def test_labels_of_deck_chores_are_jobs_whose_fields_were_turned_round(
    word: str, written: str, cron: str
) -> None:
    about = {"command": "drush cc 'all of it'", word: written}
    labels = {f"deck-chores.clear-caches.{key}": value for key, value in about.items()}
    labels["deck-chores.options"] = "noservice"
    web = OldService("web", {"labels": labels}, image_of({}), (), "colour", "project", "")
    (job,) = deck_chores.labelled([web])
    assert (job.name, job.service, job.schedule) == ("clear-caches", "web", cron)
    assert (job.command, job.written) == (["drush", "cc", "all of it"], written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("location / { proxy_pass http://web:3000; }", [Forward("web", "/", 3000)]),
        (
            "upstream api_up { server api:8000; }\nlocation ^~ /api/ { proxy_pass http://api_up; }",
            [Forward("api", "/api/", 8000)],
        ),
        (r"location ~ \.php$ { proxy_pass http://php:9000; }", []),
        ("# location / { proxy_pass http://old:1; }", []),
        (
            "handle /api/* {\n reverse_proxy api:8000\n}\nhandle {\n reverse_proxy web:80\n}",
            [Forward("api", "/api/", 8000), Forward("web", "/", 80)],
        ),
    ],
)
def test_a_proxy_hands_on_what_its_configuration_says(text: str, expected: list[Forward]) -> None:
    assert list(proxies.forwards({"a.conf": text})) == expected


def test_a_proxy_that_serves_files_is_more_than_one() -> None:
    assert proxies.has_own_content({"a": "location /static { alias /srv/static; }\n  root /srv;"})
    assert not proxies.has_own_content({"a": "# root /srv;\nlocation / { proxy_pass http://a:1; }"})


def test_labels_of_traefik_say_host_path_and_port() -> None:
    labels = {
        "traefik.http.routers.a.rule": "Host(`a.example.com`) && PathPrefix(`/api`)",
        "traefik.http.services.a.loadbalancer.server.port": "8000",
    }
    assert list(proxies.labelled("a", {"labels": labels})) == [
        Forward("a", "/api", 8000, "a.example.com")
    ]
    assert not list(proxies.labelled("a", {"labels": {**labels, "traefik.enable": "false"}}))


@pytest.mark.parametrize(
    ("files", "tool", "command"),
    [
        ({"package.json": '{"dependencies": {"knex": "3"}}'}, "knex", "npx knex migrate:latest"),
        (
            {"package.json": '{"dependencies": {"knex": "3"}, "scripts": {"migrate": "knex x"}}'},
            "knex",
            "npm run migrate",
        ),
        (
            {"package.json": '{"dependencies": {"@prisma/client": "6"}}'},
            "Prisma",
            "npx prisma migrate deploy",
        ),
        (
            {"package.json": '{"dependencies": {"node-pg-migrate": "8"}}'},
            "node-pg-migrate",
            "npx node-pg-migrate up",
        ),
        ({"package.json": '{"dependencies": {"migrate": "2"}}'}, "node-migrate", "npx migrate up"),
        ({"alembic.ini": "[alembic]"}, "Alembic", "alembic upgrade head"),
        ({"manage.py": "import django"}, "Django", "python manage.py migrate --noinput"),
        ({"db/migrate/1.rb": "", "config/a.rb": ""}, "Rails", "bin/rails db:migrate"),
        ({"flyway.conf": "flyway.url="}, "Flyway", "flyway migrate"),
        ({"package.json": "[1"}, "", ""),
        ({"package.json": '{"dependencies": {"express": "5"}}'}, "", ""),
    ],
)
def test_what_migrates_is_recognised_by_what_lies_there(
    tmp_path: Path, files: dict[str, str], tool: str, command: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    seen = migration_tools.recognise({"context": str(tmp_path)})
    assert (seen.name, seen.command) == (tool, command) if seen else tool == ""


def test_migrations_in_slipways_own_format_are_taken_over_as_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "db/migrations"
    folder.mkdir(parents=True)
    (folder / "1_begin.sql").write_text("-- migrate:up\ncreate table a ();\n")
    assert migration_tools.dbmate_files({"context": str(tmp_path)}) == folder
    (folder / "1_begin.sql").write_text("create table a ();\n")
    assert migration_tools.dbmate_files({"context": str(tmp_path)}) is None


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("FROM node:24\nUSER node\n", "1000:1000"),
        ("FROM python:3.13\nRUN useradd -m --uid 1234 app\nUSER app\n", "1234"),
        ("FROM node:24\nUSER 10001:10001\n", "10001:10001"),
        ("FROM node:24\nCOPY . .\n", ""),
        ("FROM node:24 AS a\nUSER node\nFROM example/runtime\n", None),
        ("FROM example/runtime\nUSER app\n", None),
    ],
)
def test_who_a_container_runs_as_is_read_of_its_dockerfile(
    tmp_path: Path, text: str, numbers: str | None
) -> None:
    (tmp_path / "Dockerfile").write_text(text)
    assert users.numbers({"build": {"context": str(tmp_path)}}) == numbers


@pytest.mark.parametrize(
    ("key", "value", "secret"),
    [
        ("SESSION_SECRET", "x1y2z3w4", True),
        ("DATABASE_URL", "postgres://a:b@c/d", True),
        ("DSN", "host=db user=a password=b", True),
        ("TLS", "-----BEGIN PRIVATE KEY-----\nx", True),
        ("AUTH_ENABLED", "true", False),
        ("TOKEN_TTL", "3600", False),
        ("PASSWORD_FILE", "/run/secrets/x", False),
        ("NEXT_PUBLIC_API_KEY", "pk_1234567", False),
        ("OCI_AUTH_TYPE", "workload_identity", False),
        ("PASSWORD", "", False),
        ("REDIS_URL", "redis://cache:6379", False),
    ],
)
def test_what_is_a_secret_is_told_by_its_name_and_its_value(
    key: str, value: str, secret: bool
) -> None:
    assert variables.is_secret(key, value) is secret


def test_parts_of_an_address_are_found_by_the_name_that_they_share() -> None:
    values = {
        "DB_TYPE": "postgres",
        "DB_HOST": "postgres:5432",
        "DB_USER": "shop",
        "DB_PASSWD": "x",
        "OTHER_HOST": "redis",
        "OTHER_PASSWORD": "y",
        "POSTGRES_PASSWORD": "pw",
        "SPRING_URL": "jdbc:postgresql://pg.internal:5432/shop",
        "SPRING_USERNAME": "shop",
    }
    assert dict(old_database.parts(values, DATABASE)) == {
        "DB_HOST": "host",
        "DB_USER": "user",
        "DB_PASSWD": "password",
        "POSTGRES_PASSWORD": "password",
        "SPRING_URL": "address",
        "SPRING_USERNAME": "user",
    }


def test_an_address_is_composed_of_settings_and_keeps_what_is_special_in_it() -> None:
    text = "postgresql+asyncpg://postgres:pw@postgres:5432/shop?sslmode=disable"
    where = "@{DATABASE_HOST}:{DATABASE_PORT}/{DATABASE_NAME}?sslmode=disable"
    assert old_database.composed(text, DATABASE, migrates=False) == (
        "postgresql+asyncpg://{DATABASE_USER}:{DATABASE_PASSWORD}" + where,
        "",
    )
    other = old_database.composed(
        "postgres://postgres:pw@postgres/analytics", DATABASE, migrates=True
    )
    assert other[1] == "analytics" and "{DATABASE_USER}_migrator:" in other[0]


def test_names_are_changed_in_addresses_and_nowhere_else() -> None:
    names = {"postgres": "db", "cache": "cache"}
    assert host_names.renamed("postgres://postgres:x@postgres:5432/a", names) == (
        "postgres://postgres:x@db:5432/a"
    )
    assert host_names.renamed("postgres", names, "DB_TYPE") == "postgres"
    assert host_names.renamed("postgres", names, "DB_HOST") == "db"
    assert host_names.renamed("wait-for postgres:5432 -- run", names) == "wait-for db:5432 -- run"


def test_only_a_plain_chain_is_parted_before_it_serves() -> None:
    chain = ["sh", "-c", "bin/migrate up && bin/serve"]
    assert commands.parted(chain) is None or commands.parted(chain) == (
        ["sh", "-c", "bin/migrate up"],
        ["sh", "-c", "bin/serve"],
    )
    assert commands.parted(["sh", "-c", "npx prisma migrate deploy && node server.js"]) == (
        ["sh", "-c", "npx prisma migrate deploy"],
        ["sh", "-c", "node server.js"],
    )
    for line in (
        "migrate",
        "serve && migrate",
        "if x; then migrate; fi && serve",
        "a | migrate && b",
    ):
        assert commands.parted(["sh", "-c", line]) is None


def test_images_are_known_by_their_last_name_whatever_their_registry() -> None:
    kinds = {
        "registry.example.com:5000/library/postgres:16-alpine@sha256:" + "0" * 64: "postgres",
        "docker.io/valkey/valkey:8": "store",
        "mcr.microsoft.com/mssql/server:2022": "store",
        "ghcr.io/acme/postgres-exporter": "",
        "mcuadros/ofelia": "scheduler",
    }
    assert {name: image_of({"image": name}).kind for name in kinds} == kinds
    assert image_of({"image": "postgis/postgis:16-3.4"}).major == 16


def test_of_a_build_folder_neither_secrets_nor_what_is_made_is_copied(tmp_path: Path) -> None:
    for name in (".env", ".env.example", "src/a.js", "node_modules/b/c.js", "Dockerfile", "d.log"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x")
    (tmp_path / ".dockerignore").write_text("*.log\nDockerfile\n")
    assert copies.names(tmp_path) == [".dockerignore", ".env.example", "Dockerfile", "src/a.js"]
