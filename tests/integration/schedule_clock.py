"""The schedule service beside a database, and a receiver of its notices."""

import json
import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from slipway.agent.messages.backups import PruneReply, PruneRequest
from slipway.backups.format import manifest
from slipway.backups.schedule import job_results
from slipway.backups.schedule.job_results import JobResult
from slipway.backups.schedule.policy import Policy, Retention
from slipway.client import call
from slipway.client.container import Container
from slipway.hosts.local import LocalHost
from slipway.project import ROOT
from slipway.secrets import encrypted_file
from slipway.storage.s3 import S3Store
from tests.fakes.reporter import RecordingReporter
from tests.fakes.s3server import S3Server
from tests.integration import postgres_stack
from tests.integration.backup_cases import far
from tests.integration.postgres_stack import PostgresStack
from tests.waiting import wait_until

NEVER = "0 0 1 1 *"
EVERY_MINUTE = "* * * * *"
RECIPIENTS = encrypted_file.recipients(ROOT / "secrets/dev.sops.yaml")
CONFINED = [
    *["--init", "--read-only", "--user", "0:0", "--memory", "1g"],
    *["--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID"],
    *["--security-opt", "no-new-privileges", "--tmpfs", "/tmp", "--tmpfs", "/run"],
    *["--tmpfs", "/etc/cron.d", "--tmpfs", "/var/lib/postgresql/data"],
    *["--volume", "/var/lib/slipway"],
]  # as compose/compose.yml has it


@dataclass
class NoticeReceiver:
    """Who is told: answers a heartbeat and hears notices; `before` looks when it is asked."""

    answer: int = 200
    beats: list[list[str]] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[], list[str]] = list
    port: int = 0

    def hear(self, *, beats: int = 0, notices: int = 0) -> None:
        """Wait for so many, told after the result is kept, and see that they are no more."""
        wait_until(
            f"{beats} beats and {notices} notices",
            lambda: len(self.beats) >= beats and len(self.notices) >= notices,
            lambda: f"heard {self.beats} and {self.notices}",
        )
        assert (len(self.beats), len(self.notices)) == (beats, notices)


@pytest.fixture
def outside() -> Iterator[NoticeReceiver]:
    found = NoticeReceiver()

    class Ear(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.beats.append(found.before())
            self._answer()

        def do_POST(self) -> None:
            size = int(self.headers["Content-Length"])
            found.notices.append(json.loads(self.rfile.read(size)))
            self._answer()

        def _answer(self) -> None:
            self.send_response(found.answer)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Tests stay silent."""

    with ThreadingHTTPServer(("0.0.0.0", 0), Ear) as server:  # noqa: S104  containers ask it
        found.port = server.server_port
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@dataclass
class ScheduleClock:
    """The schedule's container, as the stack file describes it, and the store that it fills."""

    place: PostgresStack
    store: S3Store
    bucket: str
    s3: S3Server
    secrets: Path
    options: tuple[str, ...]
    container: str = ""

    def start(self, *, smoke: str = "", **when: str) -> None:
        """Start it; a container before it is no more, as after the loss of a machine."""
        policy = Policy(when, Retention(7, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
        told = json.dumps({"policy": policy.to_json(), "recipients": RECIPIENTS, "smoke": smoke})
        options = (*self.options, "--env", f"SCHEDULE={told}")
        self.container = self.place.corner.run(postgres_stack.OPS, "/srv/schedule", options=options)

    def remove(self) -> None:
        self.place.corner.docker("rm", "--force", "--volumes", self.container)

    def log(self) -> str:
        return self.place.corner.docker("logs", self.container)

    def run_of(self, job: str) -> JobResult | None:
        return job_results.read(self.store, job, Path("/nowhere"))

    def wait_for(self, job: str, state: str) -> JobResult:
        found: list[JobResult | None] = []

        def reached() -> bool:
            found.append(self.run_of(job))
            return found[-1] is not None and found[-1].state == state

        wait_until(f"{job} is {state}", reached, lambda: f"{found[-1:]}\n{self.log()}")
        assert found[-1] is not None
        return found[-1]

    def said(self, text: str) -> str:
        """Wait for a text in the log; return all of it."""
        wait_until(text, lambda: text in self.log(), self.log)
        return self.log()

    def manifests(self) -> list[str]:
        names = (entry.key for entry in self.store.entries())
        return [name for name in names if re.fullmatch(r"[^./]+\.json", name)]


@pytest.fixture
def clock(
    peopled: PostgresStack, s3: S3Server, outside: NoticeReceiver, tmp_path: Path
) -> Iterator[ScheduleClock]:
    bucket = s3.make_bucket(f"clock-{tmp_path.name.replace('_', '-')[:30].strip('-').lower()}")
    gateway = peopled.gateway
    url = f"http://{gateway}:{outside.port}/hooks/top-secret"
    delivered = {
        "BACKUP_S3_KEY": s3.access_key,
        "BACKUP_S3_SECRET": s3.secret_key,
        "BACKUP_HEARTBEAT": url,
        "BACKUP_NOTICE": url,
        "DATABASE_PASSWORD": postgres_stack.PASSWORD,
    }
    for name, value in delivered.items():
        (tmp_path / name).write_text(value + "\n")
    settings = {
        "DATABASE_HOST": "db",
        "DATABASE_NAME": peopled.server.database,
        "DATABASE_USER": "logbook",
        "ENVIRONMENT": "testing",
        "BACKUP_STORE": f"s3://{bucket}/kept",
        "BACKUP_S3_ENDPOINT": s3.endpoint_from_containers(gateway),
        "BACKUP_S3_REGION": s3.region,
        "RELEASE": "7",
        "COMMIT": "c0ffee",
        "TZ": "UTC",
    }
    options = ["--network", peopled.network, *CONFINED, "--label", "slipway.service=schedule"]
    for name in delivered:
        options += ["--volume", f"{tmp_path / name}:/run/secrets/{name}:ro"]
    for name, value in settings.items():
        options += ["--env", f"{name}={value}"]
    store = far(s3, bucket, s3.endpoint, folder="kept")
    made = ScheduleClock(peopled, store, bucket, s3, tmp_path, tuple(options))
    outside.before = made.manifests
    yield made
    if made.container:
        made.remove()


def age(clock: ScheduleClock, newest: str, days: int) -> str:
    """Have the newest backup once more, as if it were so many days old."""
    old = newest.removesuffix(".json")
    moment = manifest.moment(old) - timedelta(days=days)
    name = f"{manifest.stamp(moment.timestamp())}-{old[-4:]}"
    for entry in list(clock.store.entries(f"{old}.")):
        data = b"".join(clock.store.get(entry.key)).replace(old.encode(), name.encode())
        clock.store.put(entry.key.replace(old, name), [data])
    return name


def prune(clock: ScheduleClock, *, plan: bool) -> PruneReply:
    """Prune beside the database, as a person does."""
    policy = Policy({"backup": NEVER}, Retention(7, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
    place = Container(LocalHost("here"), clock.container, "testing")
    return call.call(place, PruneRequest(policy, plan), RecordingReporter())
