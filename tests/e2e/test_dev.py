"""From a fresh clone to a site on this computer: used, deployed again, interrupted, shared."""

import json
import shutil
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout, docker
from tests.e2e.chromium import Chromium
from tests.e2e.rig import tasks
from tests.e2e.site import PASSWORD, Visitor
from tests.load.running import load

pytestmark = pytest.mark.engine
PAGE = "compose/web/site/index.html"


def change(clone: Checkout, words: str) -> None:
    clone.replace(PAGE, "Write it down.", words)
    clone.commit(words)


def test_a_fresh_clone_serves_people_after_one_command(dev: httpx.Client) -> None:
    ada = Visitor(str(dev.base_url))
    ada.sign_up()
    ada.sign_in()
    entry = ada.write("Harbour", "Left at dawn, wind from the west.")
    assert ada.read(entry) == "Left at dawn, wind from the west."


def test_a_second_deploy_finds_nothing_to_do_and_touches_nothing(
    dev: httpx.Client, project: Checkout
) -> None:
    before = tasks(docker, f"{project.project}-dev")
    done = project.inv("deploy", "--env=dev").expect()
    assert "up to date" in done.out
    assert len(before) > 5
    assert tasks(docker, f"{project.project}-dev") == before


ROUTES = """
routes:
  - {path: /v1/*, to: api, rewrite: "/api/{rest}", response_headers: {X-Old: "yes"}}
  - {path: /journal/*, redirect: "/entries/{rest}"}
  - {path: /team/*, to: web}
  - {path: /help/*, static: ../help, strip: /help}
protect: [{path: /team/*, basic_auth: {team: SESSION_KEY}}]
"""


def test_routes_are_checked_first_served_by_loop_and_deploy_and_come_back_with_their_release(
    dev: httpx.Client, clone: Checkout
) -> None:
    routes = clone.path("compose/routes.yml")
    clone.path("help").mkdir()
    clone.path("help/index.html").write_text("Read this first.")
    routes.write_text(ROUTES.replace("to: web", "to: wep"))
    clone.commit("Routes with a slip")
    slip = "compose/routes.yml:5: routes[3].to: there is no service wep (did you mean web?)"
    assert slip in clone.inv("deploy", "--env=dev").expect(2).err
    routes.write_text(ROUTES)
    clone.commit("Routes")
    plan = clone.inv("plan", "--env=dev").expect(5).out
    assert "  ~ routes: route /help/* added (static-help:8080)" in plan
    assert "route /journal/* added (/entries/{rest}), route /team/* added (web:" in plan
    assert "Routes (" in plan
    deploying = clone.begin("deploy", "--env=dev", "--canary=20", "--hold=10m")
    deploying.wait_for("of the visitors meet")
    path, testers = "/journal/7", {whom: {"X-Canary": whom} for whom in ("always", "never")}
    met = {whom: dev.get(path, headers=field).status_code for whom, field in testers.items()}
    assert met == {"always": 301, "never": 404}, "a canary's routes are its visitors' alone"
    clone.inv("deploy", "--env=dev", "--promote").expect()
    done = deploying.wait().expect()
    assert done.out.splitlines()[-1] == f"open {dev.base_url}".replace("127.0.0.1", "localhost")
    version = dev.get("/v1/version")
    assert (version.json(), version.headers["x-old"]) == (dev.get("/api/version").json(), "yes")
    assert dev.get("/journal/7?all").headers["location"] == "/entries/7?all"
    assert dev.get("/team/").status_code == 401
    password = clone.path(".slipway/dev/secrets/SESSION_KEY").read_text()
    assert dev.get("/team/", auth=("team", password)).status_code != 401
    assert (dev.get("/help").headers["location"], dev.get("/help/").text) == (
        *("/help/", "Read this first."),
    )
    loop = clone.path(".slipway/dev/edge/routes.json").read_text()
    assert '"/v1/*"' in loop and password not in loop
    clone.inv("maintenance", "--env=dev", "--on", "--message=Moving").expect()
    assert dev.get("/").status_code == 503
    clone.inv("rollback", "--env=dev").expect()
    assert "Moving" in dev.get("/", headers={"Accept": "text/html"}).text
    clone.inv("maintenance", "--env=dev", "--off").expect()
    assert dev.get("/").status_code == 200
    assert "location" not in dev.get("/journal/7").headers
    assert dev.get("/help/").text != "Read this first."
    now, routed = clone.inv("releases", "--env=dev", "--json").expect().json[1::-1]
    assert (now["state"], routed["state"]) == ("live", "ready")
    assert "route /v1/* added" in routed["changed"]
    between = (f"--from={routed['release']}", f"--to={now['release']}")
    told = clone.inv("release.diff", "--env=dev", *between).expect().out
    assert "route /v1/* removed" in told and "- " in told


def test_while_a_person_holds_an_environment_nobody_changes_it(
    dev: httpx.Client, clone: Checkout
) -> None:
    change(clone, "While it is held.")
    page = clone.root / "deploy.html"
    clone.inv("release.report", "--env=dev", f"--output={page}").expect()
    assert '<rect class="bar done"' in page.read_text()
    page.unlink()
    clone.inv("lease.hold", "--env=dev", "--reason=the sale").expect()
    refused = clone.inv("deploy", "--env=dev", "--wait=10m").expect(75)
    assert "(the sale, for " in refused.err
    assert "to release it: inv lease.release --env=dev" in refused.err
    assert "the sale" in clone.inv("lease.show", "--env=dev").expect().out
    clone.inv("lease.release", "--env=dev").expect()
    assert "While it is held." not in dev.get("/").text


@pytest.mark.browser
def test_a_person_signs_up_through_the_page(dev: httpx.Client, tmp_path: Path) -> None:
    with Chromium() as browser:
        browser.open(str(dev.base_url))
        browser.wait_for("!document.querySelector('#welcome').hidden")
        browser.fill("#name", "Grace")
        browser.fill("#email", "grace@example.org")
        browser.fill("#password", PASSWORD)
        browser.click("#account-submit")
        browser.wait_for("!document.querySelector('#logbook').hidden")
        assert "Grace" in browser.text("#greeting")
        picture = tmp_path / "signed-up.png"
        browser.screenshot(picture)
    data = picture.read_bytes()
    assert data.startswith(b"\x89PNG")
    assert len(data) > 10_000


def test_of_two_deploys_at_once_the_second_names_the_first(
    dev: httpx.Client, clone: Checkout
) -> None:
    change(clone, "Two at once.")
    first = clone.begin("deploy", "--env=dev")
    first.wait_for("secrets")
    second = clone.inv("deploy", "--env=dev").expect(75)
    assert "is being changed by" in second.err
    assert "deploy of" in second.err
    first.wait().expect()
    assert "Two at once." in dev.get("/").text


def test_a_deploy_that_was_killed_while_it_filled_is_taken_up_by_the_next(
    dev: httpx.Client, clone: Checkout
) -> None:
    serving = dev.get("/api/version").json()["release"]
    change(clone, "Killed while filling.")
    running = clone.begin("deploy", "--env=dev")
    running.wait_for("healthy")
    running.kill()
    assert dev.get("/api/version").json()["release"] == serving
    clone.inv("deploy", "--env=dev").expect()
    assert "Killed while filling." in dev.get("/").text
    assert one_colour(clone)


def test_a_deploy_that_was_killed_after_its_cutover_is_finished_by_the_next(
    dev: httpx.Client, clone: Checkout
) -> None:
    change(clone, "Killed after cutting over.")
    running = clone.begin("deploy", "--env=dev")
    running.wait_for("cut over")
    running.kill()
    assert dev.get("/").status_code == 200
    clone.inv("deploy", "--env=dev").expect()
    assert "Killed after cutting over." in dev.get("/").text
    assert one_colour(clone)


def test_routes_that_were_not_shown_any_more_are_shown_by_the_next(
    dev: httpx.Client, clone: Checkout
) -> None:
    app = f"{clone.project}-dev"
    clone.inv("deploy", "--env=dev").expect()
    docker("service", "rm", f"{app}-signpost_signpost")
    done = clone.inv("deploy", "--env=dev").expect()
    assert "up to date" in done.out
    assert f"{app}-signpost_signpost" in docker("service", "ls", "--format", "{{.Name}}")
    assert dev.get("/").status_code == 200


def test_a_deploy_that_replaces_operations_waits_for_what_is_under_way_there(
    dev: httpx.Client, clone: Checkout
) -> None:
    ops = docker("ps", "--quiet", "--filter", f"name={clone.project}-dev-ops_ops")
    agent = ["docker", "exec", "-i", ops, "python", "-m", "slipway.agent", "--tethered"]
    clone.replace("compose/ops/schedule", "set -eu\n", "set -eu # as before\n")
    clone.commit("Replace operations")
    with subprocess.Popen(agent, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as working:
        running = clone.begin("deploy", "--env=dev")
        running.wait_for("waiting: a command of inv db.* has been running in ops for")
        assert working.poll() is None and working.stdin
        working.stdin.close()
        assert working.wait(60) != 137
        running.wait().expect()
    assert docker("ps", "--quiet", "--filter", f"name={clone.project}-dev-ops_ops") != ops
    clone.inv("db.backup", "--env=dev").expect()


def test_jobs_and_consoles_stand_beside_what_serves_and_a_restart_fails_no_request(
    dev: httpx.Client, project: Checkout, tmp_path: Path
) -> None:
    app, beside = f"{project.project}-dev", ("--env=dev", "--service=api")
    before = tasks(docker, app)
    done = project.inv("run", "--env=dev", "--service=migrations").expect()
    assert "nothing pending" in done.out
    script = "import os; print(sorted(os.listdir('/run/secrets'))); raise SystemExit(7)"
    done = project.inv("run", *beside, f'--command=python -c "{script}"', "--json").expect(7)
    release = dev.get("/api/version").json()["release"]
    assert (done.json["code"], str(done.json["release"])) == (7, str(release))
    assert "['DATABASE_PASSWORD', 'SESSION_KEY']" in done.err
    assert project.inv("console", *beside, "--command=id -u").expect().out == "10001\n"
    running = project.begin("run", *beside, "--command=sleep 300")
    running.wait_for("running")
    assert "was ended" in running.interrupt().expect(130).err
    assert tasks(docker, app) == before
    with load([f"{dev.base_url}/api/version"], tmp_path / "load", rate=40, at_least=100) as made:
        project.inv("restart", *beside).expect()
    assert made.failed == 0
    assert tasks(docker, app) != before
    assert project.inv("status", "--env=dev", "--json").expect().json["problems"] == []


def test_ctrl_c_takes_back_what_was_begun(dev: httpx.Client, clone: Checkout) -> None:
    serving = dev.get("/api/version").json()["release"]
    change(clone, "Interrupted.")
    running = clone.begin("deploy", "--env=dev")
    running.wait_for("healthy")
    done = running.interrupt().expect(130)
    assert "serves as before" in done.err
    assert "Traceback" not in done.err
    assert dev.get("/api/version").json()["release"] == serving
    assert one_colour(clone)


def test_an_image_that_does_not_build_changes_nothing(dev: httpx.Client, clone: Checkout) -> None:
    before = tasks(docker, f"{clone.project}-dev")
    clone.replace("compose/api/Dockerfile", "USER", "RUN echo out of paint >&2 && false\nUSER")
    done = clone.inv("deploy", "--env=dev").expect(1)
    assert "the image of api does not build" in done.err
    assert "out of paint" in done.err
    assert tasks(docker, f"{clone.project}-dev") == before


def test_a_copy_of_the_checkout_with_its_name_is_refused_with_both_folders(
    dev: httpx.Client, clone: Checkout, tmp_path: Path
) -> None:
    copied = Checkout(tmp_path / "copied", clone.home, clone.project)
    shutil.copytree(clone.root, copied.root, symlinks=True)
    before = tasks(docker, f"{clone.project}-dev")
    for words in (("deploy",), ("deploy", "--plan"), ("rollback",), ("destroy", "--yes=dev")):
        done = copied.inv(*words, "--env=dev").expect(3)
        assert f"the checkout in {clone.root}, and this one is in {copied.root}" in done.err
    assert tasks(docker, f"{clone.project}-dev") == before


def test_a_port_in_use_is_named_with_its_holder(dev: httpx.Client, clone: Checkout) -> None:
    own = clone.setting("dev", "HTTP_PORT")
    clone.set("testing", HTTP_PORT=own)
    done = clone.inv("deploy", "--env=testing").expect(3)
    assert f"port {own}" in done.err
    assert f"{clone.project}-dev" in done.err
    assert leftovers.remaining(f"{clone.project}-testing") == []


def one_colour(clone: Checkout) -> bool:
    """Whether exactly one colour runs, once, and the status finds nothing wrong."""
    status = clone.inv("status", "--env=dev", "--json").expect().json
    colours = {service["colour"] for service in status["services"]} - {""}
    assert status["problems"] == [], json.dumps(status, indent=1)
    return len(colours) == 1
