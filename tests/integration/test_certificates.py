"""One certificate for all edges: obtained, renewed, taken over, provided; from a real authority."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from slipway.certificates import pem
from tests.fakes.certificates import make
from tests.integration import certificate_stage
from tests.integration.certificate_stage import DNS_DIRECTORY, NAMES, SOON, Stage
from tests.waiting import wait_until

pytestmark = pytest.mark.engine
OBTAINED = "/data/caddy/certificates/acme-v02.api.letsencrypt.org-directory"
stage = certificate_stage.stage


def test_one_certificate_is_obtained_and_shown_by_every_edge(stage: Stage) -> None:
    stage.start_service()
    wait_until(
        "all are obtained", lambda: stage.logs().count(": from ") == 2, stage.logs, timeout=60
    )
    stage.fetch()
    for name in NAMES:
        assert len({stage.shown(edge, name) for edge in stage.edges}) == 1
    assert stage.shown(stage.edges[0], NAMES[0]) != stage.shown(stage.edges[0], NAMES[1])


def test_a_renewed_certificate_is_shown_without_a_reload_and_no_handshake_fails(
    stage: Stage,
) -> None:
    before = stage.shown(stage.edges[0])
    loads = stage.loads()
    stage.start_service(**SOON)  # elsewhere: it has nothing but what the edges have
    with _handshakes(stage) as serials:
        wait_until(
            "it is renewed", lambda: stage.logs().count(": from ") == 2, stage.logs, timeout=60
        )
        stage.fetch()
        until = time.monotonic() + 1
        wait_until("it is shown", lambda: time.monotonic() > until)
    assert len(serials) > 50 and [each for each in serials if " " in each] == []
    assert serials[0] == before and len(set(serials)) == 2
    assert stage.loads() == loads


def test_a_service_that_starts_elsewhere_asks_for_nothing_that_edges_have(stage: Stage) -> None:
    before, accounts = stage.bundle(stage.edges[0]), stage.accounts()
    stage.corner.docker("pause", stage.edges[0])  # one machine does not answer
    try:
        stage.start_service()
        wait_until(
            "it continues", lambda: "continuing from" in stage.logs(), stage.logs, timeout=60
        )
    finally:
        stage.corner.docker("unpause", stage.edges[0])
    stage.fetch()
    assert [stage.bundle(edge) for edge in stage.edges] == [before, before]
    assert f"continuing from {before.number}" in stage.logs() and ": from " not in stage.logs()
    assert stage.accounts() == accounts and len(accounts) == 1


def test_an_edge_on_a_new_machine_shows_it_too(stage: Stage) -> None:
    edge = stage.start_edge()
    stage.fetch()
    assert stage.shown(edge) == stage.shown(stage.edges[0])


def test_what_an_edge_had_obtained_by_itself_is_shown_before_there_is_a_service(
    stage: Stage,
) -> None:
    chain, key = make(NAMES[:1])
    folder = stage.files / "obtained" / NAMES[0]
    folder.mkdir(parents=True)
    (folder / f"{NAMES[0]}.crt").write_bytes(chain)
    (folder / f"{NAMES[0]}.key").write_bytes(key)
    stage.corner.docker("pause", stage.service)
    try:
        edge = stage.start_edge("--volume", f"{folder.parent}:{OBTAINED}:ro")
        assert stage.serial(edge) == pem.read(chain).serial
    finally:
        stage.corner.docker("unpause", stage.service)
    stage.fetch()
    assert stage.shown(edge) == stage.shown(stage.edges[0])


def test_whoever_has_not_that_certificate_of_theirs_gets_no_key(stage: Stage) -> None:
    for place, port in (("edge", 8444), ("certificates", 8443)):
        for identity in ("other", "identity"):
            answer = stage.ask(identity, place, port)
            assert answer == ("200" if identity == "identity" else "refused"), (place, identity)


def test_a_certificate_of_the_team_takes_its_place_and_is_replaced(stage: Stage) -> None:
    for _ in range(2):
        serial = stage.provide()
        with _handshakes(stage, is_trusted=False) as serials:
            stage.start_service(TLS="provided")
            wait_until("it is shown", partial(stage.shows, serial), timeout=60)
        assert [each for each in serials if " " in each] == []


def test_a_script_of_the_team_proves_a_wildcard_where_an_alias_leads(stage: Stage) -> None:
    script = stage.files / "dns"
    script.write_text(certificate_stage.SCRIPT)
    script.chmod(0o755)
    secret = stage.files / "secrets" / "ACME_DNS_CREDENTIALS"
    options = ("--dns", stage.start_dns(), "--volume", f"{script}:/usr/local/bin/dns:ro")
    settings = {"DOMAIN": "*.shop.test", "ACME_DNS": "exec", "ACME_CA": DNS_DIRECTORY}
    secret.write_text("EXEC_PATH=/usr/local/bin/dns\nDNS_TOKEN=wrong-token\n")
    stage.start_service(*options, **settings)
    wait_until("it fails", lambda: "tried again in 2 min" in stage.logs(), stage.logs, timeout=60)
    assert "the token is wrong" in stage.logs() and "wrong-token" not in stage.logs()
    secret.write_text("EXEC_PATH=/usr/local/bin/dns\nDNS_TOKEN=hunter2\n")
    stage.run(stage.service, "touch", "/tmp/retry")
    wait_until("it is obtained", lambda: ": from " in stage.logs(), stage.logs, timeout=60)
    assert "*.shop.test: from " in stage.logs()


@contextmanager
def _handshakes(stage: Stage, *, is_trusted: bool = True) -> Iterator[list[str]]:
    """Shake hands with every edge, one after another; note the serial, or what is wrong."""
    serials: list[str] = []
    is_over = threading.Event()

    def shake() -> None:
        while not is_over.is_set():
            for edge in stage.edges:
                try:
                    serials.append(stage.serial(edge, is_trusted=is_trusted))
                except OSError as error:
                    serials.append(f"failed: {error}")

    thread = threading.Thread(target=shake)
    thread.start()
    try:
        yield serials
    finally:
        is_over.set()
        thread.join(60)
