"""A secret as a variable, on the real Swarm: the image's own program has it, and nothing else."""

import dataclasses
import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.hosts.local import LocalHost
from slipway.images import sources
from slipway.releases import compose_variables, jobs, secret_variables
from slipway.releases.application import Service
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.test_services import Stage

pytestmark = pytest.mark.engine
DOCKERFILE = """
FROM {base}
ENTRYPOINT ["sh", "-c", "echo $0 has $KEY; tr '\\\\0' ' ' </proc/1/cmdline"]
CMD ["own"]
"""


@pytest.fixture
def stage(manager: LocalHost) -> Iterator[Stage]:
    made = Stage(manager)
    try:
        yield made
    finally:
        DockerSandbox(made.env.prefix).sweep()


def test_an_images_own_program_starts_with_its_secret_as_a_variable(
    stage: Stage, tmp_path: Path
) -> None:
    manager, value, prefix = stage.manager, secrets.token_hex(8), stage.env.prefix
    (tmp_path / "Dockerfile").write_text(DOCKERFILE.format(base=base_image("debian:trixie-slim")))
    tag = f"{prefix}:variables"
    labels = ["--label", f"slipway.app={prefix}"]
    manager.run(["docker", "build", "--quiet", *labels, "--tag", tag, str(tmp_path)])
    create = ["docker", "secret", "create", *labels, f"{prefix}.KEY.1", "-"]
    manager.run(create, stdin=value.encode())
    try:
        image = sources.inspect(manager, [tag])[tag]
        spec = {
            "image": tag,
            "networks": {"default": None},
            "secrets": [{"source": "KEY"}],
            "user": "10001:10001",
            "environment": {},
            "deploy": {"labels": {compose_variables.LABEL: "KEY"}},
        }
        release = dataclasses.replace(
            stage.release("job", ""),
            services=(Service("one", "job", spec),),
            secrets={"KEY": f"{prefix}.KEY.1"},
            tags={"one": tag},
            images={"one": image.id},
        )
        release = secret_variables.with_programs(release, manager, {tag: image})
        outcome = jobs.run(manager, stage.env, release, jobs.Job(release.services[0]))
        assert outcome.lines[0] == f"own has {value}"
        assert value not in outcome.lines[1]  # what the process was started with
        assert value not in str(outcome.error)
    finally:
        manager.run(["docker", "secret", "rm", f"{prefix}.KEY.1"], check=False)
        manager.run(["docker", "image", "rm", tag], check=False)
