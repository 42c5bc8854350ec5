"""The projects that are moved in and deployed, by the public ones whose shape they have."""

from collections.abc import Mapping

from tests.e2e.checkout import Checkout
from tests.soak.moving import Moved

POSTGRES = "postgres://{DB_USER}:{%s}@{DB_HOST}/{DB_NAME}"
TOOTS = POSTGRES % "DB_PASS"
VISITS = "{DATABASE_URL} http://events_db:8123/ smtp://mail:25"
EVENTS = "file:///etc/clickhouse-server/config.d/logging.xml folder:///var/lib/clickhouse"
RACKS = (
    f"{POSTGRES % 'DB_PASSWORD'} redis://:{{REDIS_PASSWORD}}@{{REDIS_HOST}} "
    "redis://:{REDIS_CACHE_PASSWORD}@{REDIS_CACHE_HOST} "
    "file:///etc/racks/config/configuration.py folder:///opt/racks/media"
)
FLOWS = (
    "postgres://{DB_POSTGRESDB_USER}:{DB_POSTGRESDB_PASSWORD}"
    "@{DB_POSTGRESDB_HOST}:{DB_POSTGRESDB_PORT}/{DB_POSTGRESDB_DATABASE} "
    "tcp://{QUEUE_BULL_REDIS_HOST}:6379 folder:///home/node/.flows"
)
BLOG = (
    "mysql://{WORDPRESS_DB_USER}:{WORDPRESS_DB_PASSWORD}@{WORDPRESS_DB_HOST}/blog "
    "folder:///var/www/html"
)
COMPOSE = "compose/compose.yml"
# Rails goes on where its dump ends, as the owner of what was imported, and keeps its own record.
OF_RAILS = """\
./inv db.import --env=dev --from=../old-rails/dump.sql --yes=dev
./inv run --env=dev --service=migrate
test "$(./inv db.query --env=dev --json --sql='select words from notes limit 1')" != "[]"
./inv db.migrate --env=dev
./inv db.status --env=dev | grep -F "0 applied, 0 pending"
./inv db.query --env=dev --json --sql='select count(*) from schema_migrations' | grep -F 2
./inv db.backup --env=dev
"""


def read_database_from_variables(project: Checkout) -> None:
    """Have code of Go that has role, host and database in it read variables."""
    old = "    secrets: [{source: DATABASE_PASSWORD, target: db-password"
    variables = "POSTGRES_HOST: HOST, POSTGRES_USER: USER, POSTGRES_DB: NAME"
    for name in ("HOST", "USER", "NAME"):
        variables = variables.replace(f": {name}", f": '${{DATABASE_{name}}}'")
    project.replace(COMPOSE, old, f"    environment: {{{variables}}}\n{old}")
    code = "compose/backend/main.go"
    project.replace(code, "postgres:%s@db:5432/example", "%s:%s@%s/%s")
    words = ("POSTGRES_USER", "POSTGRES_HOST", "POSTGRES_DB")
    user, host, name = (f'os.Getenv("{word}")' for word in words)
    password = "strings.TrimSpace(string(password))"
    project.replace(code, password, f"{user}, {password}, {host}, {name}")


def name_the_host(project: Checkout) -> None:
    """Write what MOVE-IN.md has for three services of Rails."""
    text = project.path(COMPOSE).read_text()
    new = "    environment: {POSTGRES_HOST: '${DATABASE_HOST}', "
    assert text.count("    environment: {") == 3
    project.path(COMPOSE).write_text(text.replace("    environment: {", new))


def do_nothing(project: Checkout) -> None:
    """Follow a line that says that a script is not taken over: it made a role, as db does."""


PROJECTS: Mapping[str, Moved] = {
    "umami": Moved(
        {"/": '"server"'},
        applications={
            "registry.example.com/stats:2": {
                "ASKS": "{DATABASE_URL}",
                "MIGRATES": "yes",
                "PORTS": "3000",
            }
        },
    ),
    "plausible": Moved(
        {"/": '"http:events_db": "200"'},
        applications={
            "registry.example.com/visits:v2": {"ASKS": VISITS, "PORTS": "8000"},
            "bytemark/smtp:latest": {"PORTS": "25"},
            "clickhouse/clickhouse-server:23-alpine": {"ASKS": EVENTS, "PORTS": "8123"},
        },
    ),
    "netbox": Moved(
        {"/": '"postgres:db": "server worker"'},
        images=("valkey/valkey:8.0-alpine",),
        applications={
            "registry.example.com/racks:v4": {
                "ASKS": RACKS,
                "MIGRATES": "yes",
                "PORTS": "8080",
                "WHO": "unit",
            }
        },
    ),
    "n8n": Moved(
        {"/": '"postgres:db": "server worker"'},
        images=("redis:7-alpine",),
        applications={
            "registry.example.com/flows:1.9": {
                "ASKS": FLOWS,
                "MIGRATES": "yes",
                "PORTS": "5678 5679",
                "WHO": "node",
            },
            "registry.example.com/runners:latest": {"ASKS": "{BROKER}"},
        },
        follow=do_nothing,
    ),
    "plane": Moved(
        {"/": "board", "/api/": '"written": ["worker"], "queue": "board", "files": 200'},
        images=("node:24", "python:3.13"),
        applications={
            "rabbitmq:3-management-alpine": {"PORTS": "5672"},
            "minio/minio:latest": {"ASKS": "folder:///export", "PORTS": "9000"},
        },
    ),
    "fastapi": Moved(
        {"/": '{"schema":"0001","notes":"0"}'},
        images=("python:3.13",),
        applications={
            "adminer:latest": {"PORTS": "8080"},
            "axllent/mailpit:latest": {"PORTS": "8025"},
        },
    ),
    "rails": Moved(
        {"/": "from-the-dump worker", "/up": "ok"},
        images=("ruby:3.4",),
        follow=name_the_host,
        later=OF_RAILS,
    ),
    "wordpress": Moved(
        {"/": '"mysql:mariadb": "server"'},
        images=("mariadb:10.6.4-focal",),
        applications={
            "wordpress:latest": {"ASKS": BLOG, "MIGRATES": "yes", "PORTS": "80"},
        },
    ),
    "nginx-golang-postgres": Moved(
        {"/": "is in the database"}, images=("golang:1.24",), follow=read_database_from_variables
    ),
    "react-express-mysql": Moved(
        {"/": "page", "/api/tables": "backend"}, images=("node:24", "mariadb:10")
    ),
    "mastodon": Moved(
        {"/": '"postgres:db": "migration worker"', "/api/v1/streaming/": '"OK"'},
        images=("redis:7-alpine",),
        applications={
            "registry.example.com/toots:v4": {
                "ASKS": f"{TOOTS} tcp://{{REDIS_HOST}}:6379 folder:///toots/public/system",
                "PORTS": "3000",
            },
            "registry.example.com/toots-streaming:v4": {"ASKS": TOOTS, "PORTS": "4000"},
        },
        words="--set=route.streaming=/api/v1/streaming/*",
        later="./inv exec --env=dev --service=sidekiq --command='bundle exec rails db:migrate'",
    ),
}
