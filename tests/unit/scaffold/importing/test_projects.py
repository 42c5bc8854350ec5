"""Small projects in the shapes of ten public ones, and the example: what becomes of each."""

import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import yaml

from slipway.environments import environment
from slipway.errors import UsageError
from slipway.project import ROOT
from slipway.releases import application
from slipway.scaffold import create, template
from slipway.scaffold.answers import Answers
from slipway.scaffold.importing import acceptance
from slipway.scaffold.importing.conversion import Conversion, convert
from tests.compose import has_compose

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

PROJECTS = Path(__file__).with_name("projects")
EXAMPLE = ROOT / "examples" / "notes-node"
ROLES: Mapping[str, str] = {
    "umami": "db:data stats:colour",
    "plausible": "events_db:accessory mail:colour visits:colour visits_db:data",
    "netbox": "postgres:data racks:data racks-worker:data redis:accessory redis-cache:accessory",
    "n8n": "flows:data flows-worker:data postgres:data redis:accessory runner:colour",
    "plane": "api:colour board-db:data board-minio:accessory board-mq:accessory migrator:job "
    "proxy:edge web:colour worker:colour",
    "fastapi": "adminer:dropped backend:colour db:data mailpit:dropped proxy:edge",
    "rails": "css:dropped postgres:data web:colour worker:colour",
    "wordpress": "db:accessory wordpress:data",
    "nginx-golang-postgres": "backend:colour db:data proxy:edge",
    "react-express-mysql": "backend:colour db:accessory frontend:colour",
    "mastodon": "db:data redis:accessory sidekiq:data streaming:colour web:data",
}
# What a person has to change by hand, and no more.
CHANGES: Mapping[str, list[str]] = {
    "n8n": ["init.sh is not taken over; db makes its roles itself"],
    "nginx-golang-postgres": ["backend: reads the password of the database from a file"],
    "rails": ["web, worker, migrate: no variable says where the database is"],
}
SECRET = re.compile(r"made-up-[\w-]+|stats-pw-81|0123456789abcdef\w+|(?:live|npm)_9f8e7d6c5b4a")


def compose_file(folder: Path) -> Path:
    names = ("docker-compose.yml", "compose.yaml", "compose.yml")
    return next(folder / name for name in names if (folder / name).is_file())


@functools.cache
def converted(name: str, **answers: str) -> Conversion:
    folder = EXAMPLE if name == "notes-node" else PROJECTS / name
    replies = {key.replace("__", "."): value for key, value in answers.items()}
    return convert(compose_file(folder), name="shop", domain="shop.example.com", answers=replies)


def services(conversion: Conversion, name: str = "compose/compose.yml") -> dict[str, dict]:  # type: ignore[type-arg]
    return yaml.safe_load(conversion.files[name])["services"]  # type: ignore[no-any-return]


def labels(conversion: Conversion, service: str) -> dict[str, str]:
    return services(conversion)[service]["deploy"]["labels"]  # type: ignore[no-any-return]


def written(conversion: Conversion) -> Iterator[str]:
    """Everything that is put into files or said."""
    yield from conversion.files.values()
    yield from map(str, (*conversion.notes, *conversion.problems, *conversion.questions))
    yield from map(str, conversion.services)
    yield repr(conversion)


@pytest.mark.parametrize("name", sorted([*ROLES, "notes-node"]))
def test_each_environment_of_the_new_project_is_one_that_a_deploy_reads(
    tmp_path: Path, name: str
) -> None:
    conversion, wheel = converted(name), tmp_path / "slipway-0.2.0-py3-none-any.whl"
    wheel.touch()
    answers = Answers("0.2.0", "shop", "shop.example.com")
    files = template.render(answers, ROOT, wheel, "age1own").items()
    starter = {path: file for path, file in files if not create.is_starter(path)}
    own = {path: template.File(text.encode()) for path, text in conversion.files.items()}
    for path, file in {**starter, **own}.items():
        if path.startswith("compose/"):
            template.write(tmp_path / path, file)
    env = environment.load("prod", tmp_path / "compose", tmp_path / "secrets")
    assert application.read(env).of("edge")


@pytest.mark.parametrize("name", sorted(ROLES))
def test_each_shape_of_project_is_sorted_and_taken_by_the_rules_of_a_deploy(name: str) -> None:
    before = {
        path: path.read_bytes() for path in PROJECTS.joinpath(name).rglob("*") if path.is_file()
    }
    conversion = converted(name)
    assert (
        " ".join(f"{s.name}:{s.role}" for s in sorted(conversion.services, key=lambda s: s.name))
        == ROLES[name]
    )
    assert all(service.reason for service in conversion.services)
    problems = [str(problem) for problem in conversion.problems]
    expected = CHANGES.get(name, [])
    assert len(problems) == len(expected) and all(
        map(str.__contains__, sorted(problems), sorted(expected))
    ), problems
    assert not [text for text in written(conversion) if SECRET.search(text)]
    assert all(path.is_dir() for path in conversion.folders.values())
    after = {
        path: path.read_bytes() for path in PROJECTS.joinpath(name).rglob("*") if path.is_file()
    }
    assert before == after


def test_the_example_becomes_a_project_with_routes_jobs_secrets_and_code_in_the_loop() -> None:
    conversion = converted("notes-node")
    api, files = services(conversion)["api"], conversion.files
    assert labels(conversion, "api") == {
        "slipway.role": "colour",
        "slipway.route": "/api/*",
        "slipway.port": "3000",
        "slipway.ready": "/healthz",
        "slipway.secret-variables": "DATABASE_URL SESSION_SECRET STATS_TOKEN",
    }
    assert labels(conversion, "web")["slipway.route"] == "/*"
    assert labels(conversion, "report")["slipway.schedule"] == "15 3 * * *"
    assert labels(conversion, "migrate")["slipway.phase"] == "release"
    assert api["user"] == "1000:1000" and api["secrets"] == [
        "DATABASE_URL",
        "SESSION_SECRET",
        "STATS_TOKEN",
    ]
    assert "{DATABASE_USER}_migrator:{DATABASE_MIGRATOR_PASSWORD}@" in files["compose/settings.yml"]
    assert "REDIS_URL=redis://cache:6379\n" in files["compose/common.env"]
    assert services(conversion)["files"]["volumes"] == [
        {"type": "volume", "source": "uploads", "target": "/data"}
    ]
    volumes = yaml.safe_load(files["compose/compose.yml"])["volumes"]
    assert volumes["uploads"] == {"labels": {"slipway.backup": "files"}}
    loop = services(conversion, "compose/compose.override.yml")
    assert loop["api"]["volumes"] == ["./api/src:/app/src:ro"]
    assert loop["api"]["environment"]["NODE_ENV"] == "development"
    assert loop["edge"]["ports"] == ["127.0.0.1:${HACKING_PORT:-8000}:8080"]
    assert conversion.folders["compose/api"] == EXAMPLE / "api"
    assert conversion.secrets["SESSION_SECRET"].reveal().startswith("made-up-")
    assert conversion.leftovers == (EXAMPLE / ".env",)


def test_a_route_of_labels_a_port_and_a_proxy_are_the_same_to_the_edge() -> None:
    assert labels(converted("fastapi"), "backend")["slipway.port"] == "8000"
    assert labels(converted("plane"), "api")["slipway.route"] == "/api/*"
    assert labels(converted("umami"), "stats")["slipway.ready"] == "/api/heartbeat"
    assert labels(converted("nginx-golang-postgres"), "backend")["slipway.route"] == "/*"


def test_a_service_that_keeps_files_and_one_that_serves_two_paths_have_routes_in_the_file() -> None:
    conversion = converted("wordpress")
    assert services(conversion)["wordpress"]["networks"] == ["edge", "data"]
    assert labels(conversion, "wordpress")["slipway.port"] == "80"
    assert "  - {path: /*, to: wordpress}\n" in conversion.files["compose/routes.yml"]
    assert "  - {path: /ws/*, to: api}\n" in converted("notes-node").files["compose/routes.yml"]


def test_what_brings_files_over_is_named_for_each_volume_that_keeps_them() -> None:
    brought = "inv files.import --env=dev --volume=uploads --from=volume:notes_uploads"
    assert any(brought in note for note in converted("notes-node").notes)


def test_a_store_that_is_called_as_slipways_database_is_called_otherwise_in_addresses_too() -> None:
    conversion = converted("wordpress")
    environment = services(conversion)["wordpress"]["environment"]
    assert environment["WORDPRESS_DB_HOST"] == "mariadb"
    assert environment["WORDPRESS_DB_PASSWORD_FILE"] == "/run/secrets/MYSQL_PASSWORD"
    assert any(
        note.startswith("compose.yaml:3: db: is called mariadb") for note in conversion.notes
    )


def test_an_image_that_migrates_itself_comes_as_the_owner_and_one_that_does_not_as_itself() -> None:
    assert "{DATABASE_USER}_migrator:" in converted("umami").files["compose/settings.yml"]
    conversion = converted("plausible")
    assert services(conversion)["migrate"]["command"][-1] == "/entrypoint.sh db migrate"
    assert services(conversion)["visits"]["command"][-1] == "sleep 10 && /entrypoint.sh run"
    words = labels(conversion, "migrate")["slipway.secret-variables"]
    assert "DATABASE_URL=MIGRATION_DATABASE_URL" in words
    assert "DATABASE_NAME=visits\n" in conversion.files["compose/common.env"]


def test_passwords_that_a_command_has_in_it_are_read_from_files_there() -> None:
    command = services(converted("n8n"))["redis"]["command"]
    assert command[2].startswith("exec docker-entrypoint.sh redis-server --requirepass ")
    assert '"$$(cat /run/secrets/REDIS_AUTH)"' in command[2]


def test_one_value_has_one_name_and_two_of_one_name_have_two() -> None:
    racks = labels(converted("netbox"), "racks")["slipway.secret-variables"].split()
    assert {"REDIS_PASSWORD", "REDIS_CACHE_PASSWORD=REDIS_CACHE_REDIS_PASSWORD"} <= {*racks}
    composed = converted("plane").files["compose/settings.yml"]
    assert "'amqp://board:{RABBITMQ_DEFAULT_PASS}@board-mq:5672/'" in composed


def test_what_opens_something_outside_is_not_put_where_the_repository_can_be_read() -> None:
    conversion = converted("n8n")
    assert "PAYMENTS_API_TOKEN" not in conversion.secrets
    assert "PAYMENTS_API_TOKEN" in conversion.files["compose/settings.yml"]
    assert any("inv secrets.set" in note for note in conversion.notes)
    assert "PAYMENTS_API_TOKEN" in converted("n8n", secrets="all").secrets
    other = converted("n8n", secrets="none").secrets["FLOWS_ENCRYPTION_KEY"].reveal()
    assert re.fullmatch("[0-9a-f]{64}", other) and not other.startswith("0123456789")


def test_what_was_mounted_as_configuration_is_in_an_image_and_code_is_in_the_loop_alone() -> None:
    conversion = converted("plausible")
    assert services(conversion)["events_db"]["build"] == "./events_db"
    file = "compose/events_db/files/etc/clickhouse-server/config.d/logging.xml"
    assert "warning" in conversion.files[file]
    own = yaml.safe_load(converted("react-express-mysql").files["compose/compose.yml"])
    assert "labels" not in str(own["volumes"])  # nobody said that a database may be lost
    loop = services(converted("react-express-mysql"), "compose/compose.override.yml")
    assert loop["frontend"]["volumes"] == ["./frontend/src:/code/src"]
    assert "./backend/src:/code/src:ro" in loop["backend"]["volumes"]


def test_a_service_of_the_team_that_keeps_files_may_stop_doing_so() -> None:
    conversion = converted("notes-node", state__files="colour")
    assert labels(conversion, "files")["slipway.role"] == "colour"
    assert [p for p in conversion.problems if "/data would be kept" in str(p)]


@pytest.mark.parametrize(
    ("answers", "complaint"),
    [({"secrets": "some"}, "is none of inside, all, none"), ({"secret": "all"}, "did you mean")],
)
def test_an_answer_that_nobody_can_take_is_refused(answers: dict[str, str], complaint: str) -> None:
    with pytest.raises(UsageError, match=complaint):
        converted("umami", **answers)


def test_what_a_deploy_would_refuse_in_the_new_files_is_said_with_their_lines() -> None:
    files = {**converted("umami").files, "compose/routes.yml": "routes:\n  - {path: /x, to: y}\n"}
    compose = files["compose/compose.yml"]
    files["compose/compose.yml"] = compose.replace("slipway.role: colour", "slipway.role: color")
    texts = [str(problem) for problem in acceptance.problems(files)]
    assert len(texts) == 2 and "slipway.role must be one of" in texts[0]
    assert re.match(r"compose/compose\.yml:\d+: ", texts[0])
    texts = [str(each) for each in acceptance.problems({**files, "compose/compose.yml": compose})]
    assert len(texts) == 1 and texts[0].startswith("compose/routes.yml:2: ")


def test_what_a_build_has_beside_its_folder_comes_along(tmp_path: Path) -> None:
    (tmp_path / "web").mkdir()
    (tmp_path / "shared").mkdir()
    (tmp_path / "web/Dockerfile").write_text("FROM node:24\nCOPY . .\n")
    (tmp_path / "npm-token.txt").write_text("npm_9f8e7d6c5b4a\n")
    (tmp_path / "compose.yml").write_text(
        """\
services:
  web:
    build: {context: web, additional_contexts: [shared=./shared], secrets: [npm-token]}
    ports: ["3000:3000"]
secrets: {npm-token: {file: npm-token.txt}}
"""
    )
    conversion = convert(tmp_path / "compose.yml", name="shop")
    assert services(conversion)["web"]["build"] == {
        "context": "./web",
        "additional_contexts": {"shared": "./shared"},
        "secrets": [{"source": "NPM_TOKEN", "target": "npm-token"}],
    }
    assert conversion.folders["compose/shared"] == tmp_path / "shared"
    assert conversion.secrets == {}  # it opens something outside
    assert conversion.problems == () and conversion.leftovers == (tmp_path / "npm-token.txt",)


NGINX = """
server {
    listen 80;
    root /var/www;
    location / { try_files $uri $uri/ /index.html; }
    location /docs/ { alias /srv/manual/; }
    location /api/ { proxy_pass http://api:3000; }
    location ~ /\\. { deny all; }
}
"""


def test_folders_that_nginx_served_are_routes_to_them(tmp_path: Path) -> None:
    for name in ("public/index.html", "manual/intro.html"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("<h1>Hello</h1>")
    (tmp_path / "site.conf").write_text(NGINX)
    (tmp_path / "compose.yml").write_text(
        """\
services:
  api: {image: "node:24", command: node server.js, expose: [3000]}
  front:
    image: nginx:1.26
    ports: ["80:80"]
    volumes:
      - ./site.conf:/etc/nginx/conf.d/default.conf:ro
      - ./public:/var/www:ro
      - ./manual:/srv/manual:ro
"""
    )
    conversion = convert(tmp_path / "compose.yml", name="shop")
    assert conversion.problems == ()
    routes = conversion.files["compose/routes.yml"]
    assert "  - {path: /*, static: ./public, fallback: /index.html}\n" in routes
    assert "  - {path: /docs/*, static: ./manual, strip: /docs}\n" in routes
    assert labels(conversion, "api")["slipway.route"] == "/api/*"
    assert conversion.folders["compose/public"] == tmp_path / "public"
    assert "front" not in services(conversion)


def test_nginx_without_a_word_serves_its_folder_and_the_api_gets_no_page(tmp_path: Path) -> None:
    (tmp_path / "html").mkdir()
    (tmp_path / "html/index.html").write_text("<h1>Hello</h1>")
    (tmp_path / "compose.yml").write_text(
        """\
services:
  api: {image: "node:24", command: node server.js, ports: ["3000:3000"]}
  front: {image: nginx, volumes: ["./html:/usr/share/nginx/html"]}
"""
    )
    conversion = convert(tmp_path / "compose.yml", name="shop")
    assert conversion.problems == ()
    assert "{path: /*, static: ./html}" in conversion.files["compose/routes.yml"]
    assert labels(conversion, "api")["slipway.route"] == "/api/*"


def test_a_search_that_calls_back_does_so_by_the_name_of_all_colours(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(
        """\
services:
  web: {image: "node:24", ports: ["3000:3000"]}
  worker: {image: "node:24", command: node worker.js}
  meilisearch:
    image: getmeili/meilisearch:v1.10
    environment: {MEILI_TASK_WEBHOOK_URL: "http://web:3000/indexed"}
"""
    )
    conversion = convert(tmp_path / "compose.yml", name="shop")
    assert conversion.problems == ()
    environment = services(conversion)["meilisearch"]["environment"]
    assert environment["MEILI_TASK_WEBHOOK_URL"] == "http://web-any:3000/indexed"
    assert services(conversion)["web"]["networks"]["data"] == {"aliases": ["web-any"]}
