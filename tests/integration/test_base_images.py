"""What a distribution lacks on a day leaves out a test, with the reason, and fails none."""

import pytest

from tests import base_images
from tests.integration.docker_sandbox import IMAGES, DockerSandbox, base_image

pytestmark = pytest.mark.engine


def test_a_package_that_is_not_to_be_had_leaves_a_test_out(corner: DockerSandbox) -> None:
    base_image("debian:trixie-slim")
    text = "FROM debian:trixie-slim\nRUN apt-get install -y slipway-of-no-suite\n"
    with pytest.raises(pytest.skip.Exception, match=r"not to be had today: .*slipway-of-no-suite"):
        base_images.build(f"{IMAGES}/none", "-", "--label", corner.label, text=text)


def test_npm_without_its_registry_leaves_a_test_out(corner: DockerSandbox) -> None:
    base_image("node:24-trixie-slim")
    install = "npm install --registry=http://127.0.0.1:9 --fetch-retries=0 express"
    text = f"FROM node:24-trixie-slim\nWORKDIR /app\nRUN {install}\n"
    with pytest.raises(pytest.skip.Exception, match=r"not to be had today: .*npm error FetchError"):
        base_images.build(f"{IMAGES}/none", "-", "--label", corner.label, text=text)


def test_any_other_failure_of_a_build_is_one(corner: DockerSandbox) -> None:
    base_image("debian:trixie-slim")
    text = "FROM debian:trixie-slim\nRUN false\n"
    with pytest.raises(AssertionError, match="exit code: 1"):
        base_images.build(f"{IMAGES}/none", "-", "--label", corner.label, text=text)


def test_two_postgresql_that_do_not_go_together_leave_a_test_out() -> None:
    base_images.demand_pair("postgres:17", "postgres:17")
    with pytest.raises(pytest.skip.Exception, match=r"do not go together: .*version mismatch"):
        base_images.demand_pair("postgres:18", "postgres:17")


def test_a_run_tells_what_its_base_images_were_made_from() -> None:
    base_image("postgres:17")
    assert any("postgres:17: " in line and " h ago" in line for line in base_images.report())
