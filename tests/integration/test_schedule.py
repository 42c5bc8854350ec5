"""Backups by the clock: a real cron beside a real database, with a real S3 server to keep them."""

import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.backups import manifest, picture, runs
from slipway.backups.policy import Keep, Policy
from slipway.backups.runs import Run
from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.ops import errand
from slipway.ops.place import Place
from slipway.project import ROOT
from slipway.secrets import sops
from slipway.storage.s3 import S3Store
from tests.fakes.s3server import S3Server
from tests.integration import inside
from tests.integration.conftest import Corner
from tests.integration.inside import Heard, Inside

pytestmark = pytest.mark.engine

NEVER = "0 0 1 1 *"
EVERY_MINUTE = "* * * * *"
RECIPIENTS = sops.recipients(ROOT / "secrets/dev.sops.yaml")


@dataclass
class Outside:
    """Who is told: answers a heartbeat and hears notices; `before` looks when it is asked."""

    answer: int = 200
    beats: list[list[str]] = field(default_factory=list)
    notices: list[dict[str, str]] = field(default_factory=list)
    before: Callable[[], list[str]] = list
    port: int = 0

    def hear(self, *, beats: int = 0, notices: int = 0) -> None:
        """Wait for so many, told after the result is kept, and see that they are no more."""
        deadline = time.monotonic() + 60
        while len(self.beats) < beats or len(self.notices) < notices:
            assert time.monotonic() < deadline, f"heard {self.beats} and {self.notices}"
            time.sleep(0.1)
        assert (len(self.beats), len(self.notices)) == (beats, notices)


@pytest.fixture
def outside() -> Iterator[Outside]:
    found = Outside()

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
class Clock:
    """The schedule's container, as the stack file describes it, and the store that it fills."""

    place: Inside
    store: S3Store
    bucket: str
    s3: S3Server
    secrets: Path
    options: tuple[str, ...]
    container: str = ""

    def start(self, *, smoke: str = "", **when: str) -> None:
        """Start it; a container before it is no more, as after the loss of a machine."""
        policy = Policy(when, Keep(7, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
        told = json.dumps({"policy": policy.to_json(), "recipients": RECIPIENTS, "smoke": smoke})
        options = (*self.options, "--env", f"SCHEDULE={told}")
        self.container = self.place.corner.run(inside.OPS, "/srv/schedule", options=options)

    def remove(self) -> None:
        self.place.corner.docker("rm", "--force", "--volumes", self.container)

    def log(self) -> str:
        return self.place.corner.docker("logs", self.container)

    def run_of(self, job: str) -> Run | None:
        return runs.read(self.store, job, Path("/nowhere"))

    def wait_for(self, job: str, state: str, timeout: float = 45) -> Run:
        deadline = time.monotonic() + timeout
        while True:
            run = self.run_of(job)
            if run and run.state == state:
                return run
            assert time.monotonic() < deadline, f"{run}\n{self.log()}"
            time.sleep(0.3)

    def said(self, text: str, timeout: float = 30) -> str:
        """Wait for a text in the log; return all of it."""
        deadline = time.monotonic() + timeout
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)
        return self.log()

    def manifests(self) -> list[str]:
        names = (entry.key for entry in self.store.entries())
        return [name for name in names if re.fullmatch(r"[^./]+\.json", name)]


@pytest.fixture(scope="module")
def place(module_corner: Corner, tmp_path_factory: pytest.TempPathFactory) -> Inside:
    made = inside.start(module_corner, tmp_path_factory.mktemp("inside"))
    made.sql("create table people (id int primary key, name text)")
    made.sql("insert into people select n, md5(n::text) from generate_series(1, 1000) n")
    return made


@pytest.fixture
def clock(place: Inside, s3: S3Server, outside: Outside, tmp_path: Path) -> Iterator[Clock]:
    bucket = s3.make_bucket(f"clock-{tmp_path.name.replace('_', '-')[:30].strip('-').lower()}")
    form = "{{(index .IPAM.Config 0).Gateway}}"
    gateway = place.corner.docker("network", "inspect", place.network, "--format", form)
    url = f"http://{gateway}:{outside.port}/hooks/top-secret"
    delivered = {
        "BACKUP_S3_KEY": s3.access_key,
        "BACKUP_S3_SECRET": s3.secret_key,
        "BACKUP_HEARTBEAT": url,
        "BACKUP_NOTICE": url,
        "DATABASE_PASSWORD": inside.PASSWORD,
    }
    for name, value in delivered.items():
        (tmp_path / name).write_text(value + "\n")
    settings = {
        "DATABASE_HOST": "db",
        "DATABASE_NAME": place.server.database,
        "DATABASE_USER": "logbook",
        "ENVIRONMENT": "testing",
        "BACKUP_STORE": f"s3://{bucket}/kept",
        "BACKUP_S3_ENDPOINT": s3.endpoint_from_containers(gateway),
        "BACKUP_S3_REGION": s3.region,
        "RELEASE": "7",
        "COMMIT": "c0ffee",
        "TZ": "UTC",
    }
    options = ["--network", place.network, "--init", "--read-only", "--user", "0:0"]
    options += ["--cap-drop", "ALL", "--cap-add", "SETUID", "--cap-add", "SETGID"]
    options += ["--security-opt", "no-new-privileges", "--memory", "1g"]
    for target in ("/tmp", "/run", "/etc/cron.d", "/var/lib/postgresql/data"):
        options += ["--tmpfs", target]
    options += ["--volume", "/var/lib/slipway", "--volume", f"{ROOT / 'slipway'}:/srv/slipway:ro"]
    for name in delivered:
        options += ["--volume", f"{tmp_path / name}:/run/secrets/{name}:ro"]
    for name, value in settings.items():
        options += ["--env", f"{name}={value}"]
    store = S3Store(
        bucket,
        "kept/testing",
        access_key=lambda: s3.access_key,
        secret_key=lambda: s3.secret_key,
        endpoint=s3.endpoint,
        region=s3.region,
    )
    made = Clock(place, store, bucket, s3, tmp_path, tuple(options))
    outside.before = made.manifests
    yield made
    if made.container:
        made.remove()


def test_the_first_start_takes_a_backup_and_a_restart_misses_nothing(
    clock: Clock, outside: Outside
) -> None:
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "ok")
    (name,) = clock.manifests()
    assert run.backup == name.removesuffix(".json")
    log = clock.said("made up for: backup")
    assert f"backup {run.backup} of logbook is in s3://" in log
    outside.hear(beats=1)
    assert outside.beats == [[name]]  # when the manifest was there
    seen = picture.draw(clock.store, run.at)
    assert seen["newest"]["release"] == 7
    assert seen["runs"]["backup"]["state"] == "ok"

    clock.remove()
    clock.start(backup=NEVER)
    clock.said("nothing was missed")
    assert clock.manifests() == [name]


def test_the_clock_runs_a_job_as_a_user_who_can_do_nothing_else(
    clock: Clock, outside: Outside
) -> None:
    docker = clock.place.corner.docker
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")
        clock.start(backup=EVERY_MINUTE)
        clock.wait_for("backup", "running")
        pid = docker("exec", clock.container, "pgrep", "-f", "^python -m slipway.inside job")
        status = docker("exec", clock.container, "cat", f"/proc/{pid}/status")
    found = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert found["Uid"].split() == ["10001"] * 4
    assert {found[f"Cap{name}"] for name in ("Inh", "Prm", "Eff", "Amb")} == {"0" * 16}
    assert found["NoNewPrivs"] == "1"
    clock.wait_for("backup", "ok")
    first = clock.manifests()
    deadline = time.monotonic() + 100
    while len(clock.manifests()) < 2:
        assert time.monotonic() < deadline, clock.log()
        time.sleep(0.5)
    assert clock.manifests()[0] == first[0]
    run = clock.wait_for("backup", "ok")
    line = f"{run.began} backup: backup {run.backup} of logbook is in s3://"
    assert clock.said(line).count(line) == 1


def test_no_secret_is_in_the_crontab_the_settings_or_the_log(
    clock: Clock, outside: Outside
) -> None:
    outside.answer = 500
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    log = clock.said("warning: BACKUP_HEARTBEAT answered 500")
    docker = clock.place.corner.docker
    crontab = docker("exec", clock.container, "cat", "/etc/cron.d/backups")
    settings = docker("exec", clock.container, "cat", "/run/settings")
    shown = docker("inspect", clock.container)
    secrets = [path.read_text().strip() for path in clock.secrets.iterdir() if path.is_file()]
    assert len(secrets) >= 5
    for secret in secrets:
        assert secret not in log + crontab + settings + shown


def test_a_failure_is_told_once_kept_and_followed_by_no_heartbeat(
    clock: Clock, outside: Outside
) -> None:
    (clock.secrets / "DATABASE_PASSWORD").write_text("wrong\n")
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "failed")
    assert "does not let logbook in" in run.text
    log = clock.said("error: ")
    assert "Traceback" not in log
    assert clock.manifests() == []
    outside.hear(notices=1)
    (told,) = outside.notices
    assert told["text"].startswith("testing: the scheduled backup failed: the database logbook")
    assert "inv status --env=testing" in told["text"]
    result = prune(clock, plan=False)
    assert result["held"].startswith("the last scheduled backup failed")
    assert result["removed"] == []


def test_a_store_that_is_gone_is_a_failure_that_the_volume_remembers(
    clock: Clock, outside: Outside
) -> None:
    (clock.secrets / "BACKUP_S3_SECRET").write_text("wrong\n")
    clock.start(backup=NEVER)
    log = clock.said("error: ", timeout=60)
    assert "warning: the result of backup could not be kept" in log
    kept = clock.place.corner.docker(
        "exec", clock.container, "cat", "/var/lib/slipway/runs/backup.json"
    )
    assert json.loads(kept)["state"] == "failed"
    outside.hear(notices=1)


def test_a_backup_that_was_killed_is_made_up_for_on_the_next_machine(
    clock: Clock, outside: Outside
) -> None:
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")  # pg_dump waits for it
        clock.start(backup=NEVER)
        clock.wait_for("backup", "running")
        time.sleep(2)
        clock.remove()
    assert clock.manifests() == []
    clock.start(backup=NEVER)
    run = clock.wait_for("backup", "ok")
    assert clock.manifests() == [f"{run.backup}.json"]
    clock.said("backup was missed; it is made up for now")


def test_a_job_that_is_killed_beside_a_living_cron_is_a_failure_that_is_told(
    clock: Clock, outside: Outside
) -> None:
    docker = clock.place.corner.docker
    with clock.place.server.connect() as other, other.transaction():
        other.execute("lock table people in access exclusive mode")
        clock.start(backup=NEVER)
        clock.wait_for("backup", "running")
        time.sleep(1)
        killing = ("pkill", "-9", "-f", "^python -m slipway.inside job")
        docker("exec", "--user", "10001:10001", clock.container, *killing)
        run = clock.wait_for("backup", "failed")
    assert "it was killed" in run.text
    outside.hear(notices=1)
    left = docker("exec", clock.container, "pgrep", "-c", "pg_dump|age", check=False)
    assert left == "0"
    assert clock.manifests() == []


def test_a_drill_by_the_clock_takes_a_backup_and_restores_it(
    clock: Clock, outside: Outside
) -> None:
    before = runs.begun("drill", datetime.now(UTC) - timedelta(hours=1), None)
    runs.keep(clock.store, before, Path("/nowhere"))  # the machine was lost in the middle of it
    clock.start(smoke="select count(*) = 1000 from people", backup=NEVER, drill=NEVER)
    run = clock.wait_for("drill", "ok", 90)
    assert clock.manifests() == [f"{run.backup}.json"]
    outside.hear(beats=1)
    assert outside.beats == [clock.manifests()]
    seen = picture.draw(clock.store, datetime.now(UTC))
    assert seen["newest"]["verified"]
    assert seen["drill"]["ok"] and seen["drill"]["backup"] == run.backup
    assert 0 < seen["drill"]["seconds"] < 60
    assert "rows and all else as backed up" in run.text


def test_a_drill_that_finds_the_backup_wanting_is_a_failure(clock: Clock, outside: Outside) -> None:
    before = runs.begun("drill", datetime.now(UTC) - timedelta(hours=1), None)
    runs.keep(clock.store, before, Path("/nowhere"))
    clock.start(smoke="select count(*) = 7 from people", backup=NEVER, drill=NEVER)
    run = clock.wait_for("drill", "failed", 90)
    assert "not every answer is true" in run.text
    outside.hear(notices=1)
    assert prune(clock, plan=False)["held"].startswith("the last drill failed")


def test_keys_that_may_only_write_back_up_and_prune_nothing(clock: Clock, outside: Outside) -> None:
    (clock.secrets / "BACKUP_S3_KEY").write_text(clock.s3.writer_key + "\n")
    (clock.secrets / "BACKUP_S3_SECRET").write_text(clock.s3.writer_secret + "\n")
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    clock.said("made up for: backup")
    assert len(clock.manifests()) == 1
    outside.hear(beats=1)
    result = prune(clock, plan=False)
    assert result["summary"] == "the store may not be listed; nothing was pruned"
    clock.place.corner.docker("restart", "--time", "5", clock.container)
    clock.said("nothing was missed")  # its own volume remembers


def test_a_store_that_is_silent_does_not_hold_up_a_status(clock: Clock, outside: Outside) -> None:
    with socket.create_server(("0.0.0.0", 0)) as silent:  # noqa: S104  containers ask it
        port = silent.getsockname()[1]
        form = re.compile(r"^(BACKUP_S3_ENDPOINT=http://[^:]+):\d+$")
        clock.options = tuple(form.sub(rf"\1:{port}", word) for word in clock.options)
        clock.start(backup=NEVER)
        began = time.monotonic()
        with pytest.raises(SlipwayError, match="the store does not answer within 20 s"):
            errand.run(Place(LocalHost("here"), clock.container, "testing"), "results", {}, Heard())
        assert time.monotonic() - began < 30


def test_pruning_by_the_clock_keeps_what_the_policy_says(clock: Clock, outside: Outside) -> None:
    clock.start(backup=NEVER)
    clock.wait_for("backup", "ok")
    clock.said("made up for: backup")
    (newest,) = clock.manifests()
    old = [age(clock, newest, days) for days in range(1, 10)]
    clock.store.put("20200101T000000Z.txt", [b"not a backup"])
    for stamp in ("20260101T000000Z", manifest.stamp()):
        clock.place.sql(f'create database "logbook__before_{stamp}"', "postgres")
    planned = prune(clock, plan=True)
    assert planned["databases"] == ["logbook__before_20260101T000000Z"]
    assert planned["removed"] == [old[8], old[7], old[6]]
    clock.remove()
    clock.start(prune=EVERY_MINUTE)
    run = clock.wait_for("prune", "ok", 90)
    assert run.text.startswith("3 backups removed, 7 kept")
    assert "1 replaced database dropped" in run.text
    left = clock.place.sql("select datname from pg_database where datname like '%before%'")
    assert [name for (name,) in left] == [f"logbook__before_{stamp}"]
    stays = [*reversed(old[:6]), newest.removesuffix(".json")]
    assert clock.manifests() == [f"{name}.json" for name in stays]
    assert len([key for key in clock.s3.keys(clock.bucket) if key.endswith(".age")]) == 14
    assert "kept/testing/20200101T000000Z.txt" in clock.s3.keys(clock.bucket)
    outside.hear(beats=1)  # a heartbeat is for backups


def age(clock: Clock, newest: str, days: int) -> str:
    """Have the newest backup once more, as if it were so many days old."""
    old = newest.removesuffix(".json")
    moment = manifest.moment(old) - timedelta(days=days)
    name = f"{manifest.stamp(moment.timestamp())}-{old[-4:]}"
    for entry in list(clock.store.entries(f"{old}.")):
        data = b"".join(clock.store.get(entry.key)).replace(old.encode(), name.encode())
        clock.store.put(entry.key.replace(old, name), [data])
    return name


def prune(clock: Clock, **given: Any) -> dict[str, Any]:
    """Prune beside the database, as a person does."""
    policy = Policy({"backup": NEVER}, Keep(7, 0, 0, 0), 26 * 3600.0, 7 * 86400.0)
    place = Place(LocalHost("here"), clock.container, "testing")
    return errand.run(place, "prune", {"policy": policy.to_json(), **given}, Heard())
