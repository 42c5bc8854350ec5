"""Bad input: one sentence, the right exit code, nothing changed."""

import shutil
import socket
import subprocess

import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout

pytestmark = pytest.mark.engine


@pytest.fixture(autouse=True)
def nothing_is_made(clone: Checkout) -> "object":
    """No refusal may leave anything in the engine."""
    yield
    for env in ("dev", "testing", "staging"):
        app = f"{clone.project}-{env}"
        assert leftovers.remaining(app) == [], f"something of {app} was left"


def test_an_unknown_environment_is_guessed(clone: Checkout) -> None:
    done = clone.inv("deploy", "--env=stagin").expect(2)
    assert "did you mean staging?" in done.err
    assert "--env is required" in clone.inv("deploy").expect(2).err


def test_a_compose_file_that_is_invalid_names_what_is_wrong(clone: Checkout) -> None:
    clone.replace("compose/compose.yml", "    stop_grace_period", "    stop_grace_perod")
    done = clone.inv("deploy", "--env=dev").expect(2)
    assert "stop_grace_perod" in done.err


def test_an_unknown_setting_names_file_and_key(clone: Checkout) -> None:
    clone.set("dev", LOG_LEVL="debug")
    done = clone.inv("deploy", "--env=dev").expect(2)
    assert "compose/dev.env: LOG_LEVL" in done.err
    assert "did you mean LOG_LEVEL?" in done.err


def test_a_plan_foresees_what_a_deploy_would_refuse_and_makes_nothing(clone: Checkout) -> None:
    port = int(clone.setting("dev", "HTTP_PORT"))
    with socket.create_server(("0.0.0.0", port)):  # noqa: S104  as the edge would
        done = clone.inv("deploy", "--env=dev", "--plan").expect(0)
    assert f"! a deploy would end before this: port {port} of this computer is taken" in done.out
    assert "deploy release 1 to dev" in done.out


def test_what_is_not_committed_does_not_reach_staging(clone: Checkout) -> None:
    clone.replace("compose/web/site/index.html", "Write it down.", "Not committed.")
    done = clone.inv("deploy", "--env=staging").expect(3)
    assert "compose/web/site/index.html" in done.err
    assert "--dirty" in done.err


def test_prod_does_not_begin_with_the_example_of_a_balancer(clone: Checkout) -> None:
    done = clone.inv("deploy", "--env=prod").expect(2)
    assert "compose/prod.env: TRUSTED_PROXIES=192.0.2.10 is an example" in done.err
    clone.set("prod", TRUSTED_PROXIES="")
    done = clone.inv("status", "--env=prod").expect(2)
    assert "compose/prod.env: TLS=off sends passwords in the open; say TLS=auto" in done.err


def test_an_image_that_the_lock_does_not_name_does_not_reach_staging(clone: Checkout) -> None:
    clone.path("compose/images.lock").write_text(f"other:1 sha256:{'0' * 64}\n")
    clone.set("staging", ALLOW_STANDINS="off")
    clone.commit("Lock an image that nobody has")
    done = clone.inv("deploy", "--env=staging").expect(2)
    assert "compose/images.lock does not name caddy:2; type: inv images.lock" in done.err


def test_a_folder_that_is_no_checkout_does_not_reach_staging(clone: Checkout) -> None:
    aside = clone.root.with_name("git-aside")
    shutil.move(clone.path(".git"), aside)
    try:
        done = clone.inv("deploy", "--env=staging").expect(3)
    finally:
        shutil.move(aside, clone.path(".git"))
    assert "not a git checkout" in done.err


def test_a_machine_that_does_not_answer_is_named(clone: Checkout) -> None:
    folder = clone.path(".slipway/staging")
    before = folder.with_name("staging-aside")
    if folder.exists():
        folder.rename(before)
    try:
        folder.mkdir(parents=True)
        entry = "host: 127.0.0.1, port: 1, user: deploy, address: 127.0.0.1, provider: local"
        (folder / "machines.yml").write_text(f"m9: {{{entry}, role: data}}\n")
        key = folder / "id_ed25519"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
        if not clone.path("secrets/staging.sops.yaml").exists():
            clone.inv("secrets.create", "--env=staging").expect()
            clone.commit("Make secrets")
        done = clone.inv("deploy", "--env=staging").expect(3)
    finally:
        shutil.rmtree(folder)
        if before.exists():
            before.rename(folder)
    assert "m9" in done.err
    assert "Nothing was changed" in done.err
