"""Two checkouts that carry one name, and one hacking loop on this computer's engine."""

import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.environments import loop_owner
from slipway.errors import Refused
from slipway.hosts.local import LocalHost

pytestmark = pytest.mark.engine


@pytest.fixture
def project() -> Iterator[str]:
    name = f"slipway-test-{uuid.uuid4().hex[:8]}"
    yield name
    subprocess.run(["docker", "volume", "rm", f"{name}_checkout"], capture_output=True, check=False)


@pytest.fixture
def checkouts(tmp_path: Path) -> tuple[Path, Path]:
    for name in ("a", "b"):
        (tmp_path / name / "compose").mkdir(parents=True)
        (tmp_path / name / "compose" / "common.env").write_text("PROJECT=shop\n")
    return tmp_path / "a", tmp_path / "b"


def test_the_first_has_the_loop_until_it_lets_go_or_is_gone(
    project: str, checkouts: tuple[Path, Path]
) -> None:
    first, second = checkouts
    host = LocalHost()
    loop_owner.refuse_another(host, project, second)  # nobody's yet
    for _ in range(2):
        loop_owner.claim(host, project, first)
    for action in (loop_owner.claim, loop_owner.refuse_another):
        with pytest.raises(Refused, match=rf"hacking loop of {project} belongs to .*{first}, and"):
            action(host, project, second)
    loop_owner.release(host, project)
    loop_owner.claim(host, project, second)
    second.rename(second.with_name("moved"))
    loop_owner.claim(host, project, first)
    with pytest.raises(Refused, match=rf"belongs to the checkout in {first}"):
        loop_owner.refuse_another(host, project, second.with_name("moved"))
