"""Two checkouts that carry one project name: the first to deploy has the environment."""

import dataclasses
from pathlib import Path

import pytest

from slipway.cluster import checkout
from slipway.environments import environment, owner
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed, Refused
from tests.fakes.host import FakeHost


def copy_of_project(folder: Path) -> Environment:
    compose = folder / "compose"
    compose.mkdir(parents=True)
    (compose / "common.env").write_text("PROJECT=logbook\n")
    return dataclasses.replace(environment.load("dev"), compose=compose)


def engine(folder: Path | str) -> FakeHost:
    """An engine on which the environment belongs to the checkout in a folder."""
    host = FakeHost("this computer")
    listed = f"logbook-dev.checkout.old\t/x\nlogbook-dev.checkout\t{folder}\n" if folder else ""
    return host.answers("docker", "config", "ls", out=listed).answers("docker", "config", "rm")


def test_the_second_checkout_is_refused_with_both_paths(tmp_path: Path) -> None:
    first, second = copy_of_project(tmp_path / "a"), copy_of_project(tmp_path / "b")
    host = engine(tmp_path / "a")
    checkout.refuse_another(host, first)
    with pytest.raises(
        Refused, match=rf"belongs to the checkout in {tmp_path}/a, and this one is in {tmp_path}/b"
    ):
        checkout.refuse_another(host, second)
    host.answers("docker", "config", "create", code=1, err="already exists")
    checkout.claim(host, first)
    with pytest.raises(Refused, match=r"another name in compose/common\.env"):
        checkout.claim(host, second)
    assert host.ran("docker", "config", "rm") == []


def test_a_link_to_a_checkout_is_that_checkout(tmp_path: Path) -> None:
    copy_of_project(tmp_path / "a")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    owner.refuse_another("logbook-dev", str(tmp_path / "link"), tmp_path / "a")


@pytest.mark.parametrize("before", ["", "/nowhere/any/more"])
def test_what_nobody_has_or_one_that_is_gone_had_is_taken(tmp_path: Path, before: str) -> None:
    env = copy_of_project(tmp_path)
    host = engine(before)
    checkout.refuse_another(host, env)
    host.answers("docker", "config", "create")
    checkout.claim(host, env)
    (created,) = host.ran("docker", "config", "create")
    assert f"slipway.checkout={tmp_path}" in created


def test_an_engine_that_does_not_say_whose_it_is_gives_it_to_nobody(tmp_path: Path) -> None:
    env = copy_of_project(tmp_path)
    host = FakeHost().answers("docker", "config", "ls", code=1, err="context deadline exceeded")
    with pytest.raises(CommandFailed, match="context deadline exceeded"):
        checkout.refuse_another(host, env)
    host.answers("docker", "config", "ls", code=1, err="This node is not a swarm manager. Use ...")
    checkout.refuse_another(host, env)


def test_the_mark_of_a_checkout_that_is_gone_is_replaced(tmp_path: Path) -> None:
    env = copy_of_project(tmp_path)
    host = engine("/nowhere/any/more").answers("docker", "config", "create", code=1)
    with pytest.raises(Exception, match="docker config create"):  # as the fake never takes it
        checkout.claim(host, env)
    assert (
        host.ran("docker", "config", "rm")
        == [("docker", "config", "rm", "logbook-dev.checkout")] * 2
    )
