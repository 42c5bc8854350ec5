"""A manager that hears no leader: nothing is known of the environment, and that is said."""

import os
from pathlib import Path

import pytest

from slipway.cluster.observed import NoQuorum, observe
from slipway.hosts.local import LocalHost

# What Docker 26 answered on the last of three managers; `pending` after it was restarted.
DOCKER = """#!/bin/sh
[ "$1" != info ] || { echo "STATE true"; exit 0; }
echo "Error response from daemon: rpc error: The swarm does not have a leader." >&2
exit 1
"""


@pytest.mark.parametrize("state", ["error", "pending"])
def test_a_manager_without_a_leader_is_not_an_engine_without_a_swarm(
    tmp_path: Path, state: str
) -> None:
    docker = tmp_path / "docker"
    docker.write_text(DOCKER.replace("STATE", state))
    docker.chmod(0o755)
    host = LocalHost("m1", {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    with pytest.raises(NoQuorum, match=r"runbooks/lost-quorum\.md"):
        observe(host, "demo-prod", attempts=1)
