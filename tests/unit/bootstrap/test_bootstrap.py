"""What bootstrap needs, does and refuses, without an engine."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from slipway.bootstrap import devsecrets, images, stack_images, standins, tools
from slipway.errors import Refused
from slipway.hosts.host import CommandResult
from slipway.hosts.local import LocalHost
from slipway.machines.engine import ensure_engine
from slipway.progress import SILENT
from tests.compose import has_compose
from tests.fakes.host import FakeHost

NO_NETWORK = "Error response from daemon: Get https://r/v2/: dial tcp: lookup r: no such host"
NO_IMAGE = "Error response from daemon: manifest for nginx:99 not found: manifest unknown"


@pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")
def test_every_image_of_this_stack_has_a_stand_in() -> None:
    assert set(stack_images.read().names) <= set(standins.RECIPES)


def test_an_image_that_a_registry_has_is_pulled() -> None:
    host = FakeHost().answers("docker", "image", "ls", out="postgres:17\n")
    host.answers("docker", "pull")
    wanted = ["postgres:17", "caddy:2"]
    assert images.ensure_images(wanted, SILENT, host) == ["pulled caddy:2"]


def test_a_registry_that_does_not_have_an_image_is_trusted() -> None:
    host = FakeHost().answers("docker", "image", "ls")
    host.answers("docker", "pull", err=NO_IMAGE, code=1)
    with pytest.raises(Refused, match=r"nginx:99 cannot be pulled.*manifest unknown"):
        images.ensure_images(["nginx:99"], SILENT, host)


def test_a_silent_registry_is_asked_once_and_what_has_no_stand_in_is_named() -> None:
    host = FakeHost().answers("docker", "image", "ls")
    host.answers("docker", "pull", err=NO_NETWORK, code=1)
    with pytest.raises(Refused, match=r"for nginx:99 .*no such host.*docker load"):
        images.ensure_images(["nginx:99", "caddy:2"], SILENT, host)
    assert len(host.ran("docker", "pull")) == 1
    assert not host.ran("docker", "build")


def test_stand_ins_are_built_after_what_they_start_from() -> None:
    built: list[str] = []

    def build(argv: Sequence[str], stdin: bytes) -> CommandResult:
        if "--tag" in argv:
            built.append(argv[argv.index("--tag") + 1])
        return CommandResult("fake", tuple(argv), 0, "sha256:1", "")

    host = FakeHost().answers("docker", "image", "ls", out=f"{standins.DEBIAN}\n")
    host.answers("docker", "pull", err=NO_NETWORK, code=1)
    host.reacts("docker", "build", by=build)
    host.answers("docker", "run", out="caddy v2").answers("docker", "image", "rm")
    done = images.ensure_images(["caddy:2"], SILENT, host)
    assert built == [standins.PYTHON, "caddy:2"]
    assert done[-1] == "stand-in caddy:2 (caddy v2)"


def test_a_folder_without_a_commit_is_refused_with_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(Refused, match=r"is not a git checkout.*git init"):
        tools.check_checkout(tmp_path)
    LocalHost(cwd=tmp_path).run(["git", "init", "--quiet"])
    with pytest.raises(Refused, match=r"has no commit yet; type: git add"):
        tools.check_checkout(tmp_path)


def test_an_engine_elsewhere_that_is_silent_is_never_replaced_by_one_here() -> None:
    env = {**os.environ, "DOCKER_HOST": "tcp://127.0.0.1:1"}
    with pytest.raises(Refused, match=r"no engine answers at tcp://127.0.0.1:1; start it"):
        ensure_engine(LocalHost(env=env))


def test_a_system_without_apt_is_told_what_to_install(tmp_path: Path) -> None:
    for name in ("sh", "id", "uname", "head", "df", "awk", "cat", "grep"):
        found = next(p for p in (Path("/bin", name), Path("/usr/bin", name)) if p.exists())
        (tmp_path / name).symlink_to(found)
    with pytest.raises(Refused, match=r"neither Debian.*install Docker Engine >= 26 with Compose"):
        ensure_engine(LocalHost(env={"PATH": str(tmp_path)}))


def test_secrets_of_dev_become_files_that_only_their_folder_guards(tmp_path: Path) -> None:
    folder = tmp_path / "secrets"
    assert "DATABASE_PASSWORD" in devsecrets.materialise(folder)
    password = folder / "DATABASE_PASSWORD"
    assert (folder.stat().st_mode & 0o777, password.stat().st_mode & 0o777) == (0o700, 0o444)
    (folder / "OLD").write_text("x")
    before = password.stat().st_ino
    assert devsecrets.materialise(folder) == []
    assert password.stat().st_ino == before
    assert not (folder / "OLD").exists()
