"""The lock of images: what a tag meant is written down, and anything else is named."""

from pathlib import Path

import pytest

from slipway.bootstrap import images
from slipway.errors import ConfigError, Refused
from slipway.images import lockfile
from slipway.images.sources import Image
from slipway.progress import SILENT
from tests.fakes.host import FakeHost

ONE, TWO = f"sha256:{'1' * 64}", f"sha256:{'2' * 64}"
NO_NETWORK = "Error response from daemon: Get https://r/v2/: dial tcp: lookup r: no such host"


def test_what_was_written_is_read_and_a_project_without_has_none(tmp_path: Path) -> None:
    assert lockfile.read(tmp_path) == {}
    lockfile.write(tmp_path, {"caddy:2": TWO, "a.example:5000/base:1": ONE})
    assert lockfile.read(tmp_path) == {"a.example:5000/base:1": ONE, "caddy:2": TWO}
    assert (tmp_path / lockfile.FILE).read_text().startswith("# ")


@pytest.mark.parametrize("line", ["caddy:2", "caddy:2 sha256:12", f"caddy:2 {ONE}\ncaddy:2 {TWO}"])
def test_a_line_that_is_none_is_named(tmp_path: Path, line: str) -> None:
    (tmp_path / lockfile.FILE).write_text(f"# a\n{line}\n")
    with pytest.raises(ConfigError, match=r"compose/images\.lock:[23]: .*inv images\.lock"):
        lockfile.read(tmp_path)


def test_an_image_is_what_the_lock_says_or_a_stand_in() -> None:
    lock = {"caddy:2": ONE}

    def caddy(digest: str, *, stand_in: bool = False) -> dict[str, Image]:
        return {"docker.io/library/caddy:2": Image("x", "id", stand_in, (f"caddy@{digest}",))}

    lockfile.check(["docker.io/library/caddy:2"], caddy(ONE), lock)
    lockfile.check(["caddy:2"], caddy(TWO, stand_in=True), lock)
    lockfile.check([f"caddy@{TWO}"], {}, lock)  # says itself what it is
    lockfile.check(["redis:7"], caddy(TWO), {})  # no lock, nothing to hold to
    with pytest.raises(Refused, match=r"caddy:2 on this computer is not the one"):
        lockfile.check(["caddy:2"], caddy(TWO), lock)
    with pytest.raises(ConfigError, match=r"does not name redis:7; type: inv images\.lock"):
        lockfile.check(["redis:7"], {}, lock)


def test_bootstrap_pulls_by_digest_and_keeps_what_is_there_where_no_registry_answers() -> None:
    lock = {"caddy:2": ONE}
    host = FakeHost().answers("docker", "image", "ls", out="caddy:2\n")
    there = f'["caddy:2"]\t["caddy@{TWO}"]\tsha256:9\tnull\n'
    host.answers("docker", "image", "inspect", out=there)
    host.answers("docker", "pull").answers("docker", "tag")
    assert images.ensure_images(["caddy:2"], SILENT, host, lock) == ["pulled caddy:2"]
    assert host.ran("docker", "pull") == [("docker", "pull", "--quiet", f"caddy@{ONE}")]
    assert host.ran("docker", "tag") == [("docker", "tag", f"caddy@{ONE}", "caddy:2")]

    silent = FakeHost().answers("docker", "image", "ls", out="caddy:2\n")
    silent.answers("docker", "image", "inspect", out=there)
    silent.answers("docker", "pull", err=NO_NETWORK, code=1)
    kept = images.ensure_images(["caddy:2"], SILENT, silent, lock)
    assert kept == ["kept caddy:2, of which compose/images.lock names another"]
    assert not silent.ran("docker", "build")


def test_a_registry_that_does_not_answer_leaves_the_lock_as_it_was(tmp_path: Path) -> None:
    (tmp_path / lockfile.FILE).write_text(f"caddy:2 {ONE}\n")
    host = FakeHost().answers("docker", "pull", err=NO_NETWORK, code=1)
    with pytest.raises(Refused, match=r"caddy:2 cannot be pulled: .*images\.lock is as it was"):
        lockfile.look_up(host, ["caddy:2"], SILENT)
    assert lockfile.read(tmp_path) == {"caddy:2": ONE}
