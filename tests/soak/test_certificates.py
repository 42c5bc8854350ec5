"""One certificate on three machines: a wildcard too, renewed, also when a machine is lost."""

import json
import time
from typing import Any

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import Rig
from tests.soak import authority
from tests.soak.rows import Rows
from tests.soak.tls_visitor import Visitor
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
STAGING = "--env=staging"
NAMES = ("shop.test", "deep.shop.test")  # the second is of *.shop.test
LIFETIME = 300  # seconds, and a minute before: renewed a minute and a half after
ASK = """
printf %s "$1" >/tmp/asks.json
caddy run --config /tmp/asks.json >/dev/null 2>&1 &
for _ in 1 2 3 4 5 6 7 8 9 10; do
  sleep 1
  wget -q -T 5 -O - http://127.0.0.1:8080/_edge/up && exit 0
done
"""
OVERLAY = """
services:
  api: {{deploy: {{replicas: 1}}}}
  web: {{deploy: {{replicas: 1}}}}
  certificates: {{dns: ["{name_server}"], environment: {{RENEW_BELOW: "0.6"}}}}
"""


def test_a_certificate_is_obtained_once_and_outlives_the_machine_of_its_service(
    project: Checkout, rows: Rows
) -> None:
    project.borrow_packages()
    with rows.measure("one certificate on three machines", "3 machines, 1 lost") as row:
        three = rig.build(project)
        ours = authority.for_machines(three, NAMES, LIFETIME)
        prepare(project, ours)
        visitor = Visitor.of(project, ours.root, NAMES)
        three.deploy()
        (first,) = visitor.serials(*rig.NAMES)
        assert first[0] != first[1]
        assert "release-" in by_http3(ours.network, authority.address(three.container("m2")))
        states = status(project)["certificates"]
        assert {each["name"] for each in states} == {"shop.test", "*.shop.test"}
        assert all(len(each["machines"]) == 3 for each in states)

        machine = where(three)
        others = [name for name in rig.NAMES if name != machine]
        with visitor.watching(others[0]) as watched:
            lost_at = time.monotonic()
            docker("kill", three.container(machine))
            wait_until("the service runs elsewhere", lambda: where(three, others[0]) in others)
            row.result = f"service elsewhere after {time.monotonic() - lost_at:.0f} s"
            wait_until(
                "it is renewed",
                lambda: first not in (now := visitor.serials(*others)) and len(now) == 1,
            )
            row.result += f", renewed by it after {time.monotonic() - lost_at:.0f} s"
            docker("start", three.container(machine))
            wait_until("the machine shows it too", visitor.sees_the_same_everywhere)
        assert watched.failures == []
        assert accounts(three, others[0]) == 1

        spare = others[1]
        edge = three.on(spare, "docker", "ps", "-q", "--filter", "label=slipway.service=edge")
        three.on(spare, "docker", "exec", edge, "rm", "-rf", "/data/certificates")
        three.on(spare, "docker", "kill", edge)
        wait_until("an edge without a copy shows it", visitor.sees_the_same_everywhere)
        row.result += f", 0 of {watched.requests} requests failed"


def prepare(project: Checkout, ours: authority.Authority) -> None:
    settings = {"TLS": "auto", "DOMAIN": "shop.test,*.shop.test", "ACME_DNS": "rfc2136"}
    project.set("staging", ACME_CA=authority.DIRECTORY, **settings)
    overlay = project.path("compose/compose.staging.yml")
    overlay.write_text(OVERLAY.format(name_server=ours.name_server))
    project.inv("secrets.create", STAGING).expect()
    project.keep_secret("staging", "ACME_CA_ROOT", ours.root + "\n")
    project.keep_secret("staging", "ACME_DNS_CREDENTIALS", ours.credentials)
    project.commit("Certificates by our own authority")


def by_http3(network: str, machine: str) -> str:
    """Ask a machine's edge by a Caddy that speaks nothing but HTTP/3."""
    tls = {"server_name": NAMES[0], "insecure_skip_verify": True}
    proxy = {
        "handler": "reverse_proxy",
        "upstreams": [{"dial": f"{machine}:443"}],
        "headers": {"request": {"set": {"Host": [NAMES[0]]}}},
        "transport": {"protocol": "http", "versions": ["3"], "tls": tls},
    }
    server = {"listen": [":8080"], "routes": [{"handle": [proxy]}]}
    config = json.dumps({"apps": {"http": {"servers": {"asks": server}}}})
    words = ("sh", "-c", ASK, "sh", config)
    return docker("run", "--rm", "--network", network, "caddy:2", *words)


def status(project: Checkout) -> dict[str, Any]:
    document: dict[str, Any] = project.inv("status", STAGING, "--json").json
    return document


def where(three: Rig, asked: str = "m1") -> str:
    """Name the machine on which the service runs now."""
    shown = three.on(
        asked, "docker", "service", "ps", f"{three.app}-certificates_certificates",
        "--filter", "desired-state=running", "--format", "{{.Node}} {{.CurrentState}}",
    )  # fmt: skip
    running = [line.split()[0] for line in shown.splitlines() if "Running" in line]
    return running[0].rpartition("-")[2] if len(running) == 1 else ""


def accounts(three: Rig, machine: str) -> int:
    edge = three.on(machine, "docker", "ps", "-q", "--filter", "label=slipway.service=edge")
    names = three.on(machine, "docker", "exec", edge, "tar", "-tf", "/data/certificates/bundle.tar")
    return names.count("account.json")
