"""The commands that write into the Swarm's store, where its disk is full."""

import os
from pathlib import Path

import pytest

from slipway.cluster import lease, lease_holder, stacks
from slipway.cluster.lease import LeaseTiming
from slipway.errors import Busy, CommandFailed, Refused
from slipway.hosts.host import script
from slipway.hosts.local import LocalHost

FULL = "Error: rpc error: no space left on device"
CREATE_FAILS = 'case "$1 $2" in "config create") echo "{}" >&2; exit 1 ;; esac'
HOLDER = """case $2 in inspect)
  case $* in *token*) echo other; exit ;; esac
  echo '{"ID": "1", "Spec": {"Labels": {"slipway.at": "1", "slipway.token": "other",
    "slipway.owner": "anna", "slipway.reason": "deploy"}}}' | tr -d '\\n'; echo; exit ;;
ls) echo "app.beat.other.$(date +%s)"; exit ;; esac"""
NOBODY = 'case "$1 $2" in "config inspect") exit 1 ;; esac'


def engine(folder: Path, *answers: str) -> LocalHost:
    """This computer with a docker that answers so."""
    docker = folder / "docker"
    docker.write_text("\n".join(["#!/bin/sh", *answers, "exit 0", ""]))
    docker.chmod(0o755)
    env = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
    return LocalHost("m1", env=env, cwd=folder)


def test_a_lease_that_cannot_be_written_is_no_lease_of_somebody_else(tmp_path: Path) -> None:
    host = engine(tmp_path, CREATE_FAILS.format(FULL), NOBODY)
    with pytest.raises(Refused) as caught:
        lease.acquire(host, "app", "rollback")
    assert str(caught.value) == (
        f"m1: the lease on app cannot be written: {FULL}; make room: runbooks/disk-full.md. "
        "Nothing was changed"
    )


def test_a_lease_that_somebody_holds_is_theirs_also_where_the_disk_is_full(tmp_path: Path) -> None:
    host = engine(tmp_path, CREATE_FAILS.format(FULL), HOLDER)
    with pytest.raises(Busy, match=r"app is being changed by anna \(deploy, for"):
        lease.acquire(host, "app", "rollback")


def test_a_lease_that_is_released_in_between_is_tried_for_again(tmp_path: Path) -> None:
    host = engine(tmp_path, CREATE_FAILS.format("config app.lease already exists"), NOBODY)
    words = ("app", "t1", "anna", "rollback", "me", "")
    assert lease_holder.parse(script(host, lease.ACQUIRE, *words).out.splitlines()) is None


def test_a_lease_waits_for_managers_that_elect_a_leader(tmp_path: Path) -> None:
    elected = (
        "case $* in *create*) [ -e led ] || { : >led; echo 'has no leader' >&2; exit 1; } ;; esac"
    )
    host = engine(tmp_path, elected, NOBODY)
    lease.acquire(host, "app", "rollback", LeaseTiming(election=0)).release()
    host = engine(tmp_path, CREATE_FAILS.format("Error: has no leader"), NOBODY)
    with pytest.raises(Refused, match=r"cannot be written: .* has no leader\. Nothing was"):
        lease.acquire(host, "app", "rollback", LeaseTiming(election=0))


def test_a_heartbeat_that_cannot_be_written_says_why(tmp_path: Path) -> None:
    mine = 'case "$*" in *"--quiet"*) echo mine; exit ;; esac'
    host = engine(tmp_path, CREATE_FAILS.format(FULL), mine, NOBODY)
    with pytest.raises(CommandFailed, match="no space left on device; make room"):
        script(host, lease.REFRESH, "app", "t1")


def test_a_stack_that_cannot_be_removed_says_why(tmp_path: Path) -> None:
    fails = f'case $1 in stack) echo "{FULL}" >&2; exit 1 ;; service) echo s1 ;; esac'
    host = engine(tmp_path, fails)
    with pytest.raises(CommandFailed, match="no space left on device; make room"):
        script(host, stacks.REMOVE, "app-green", "1")
