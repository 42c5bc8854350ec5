"""One certificate on three machines: a wildcard too, renewed, also when a machine is lost."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.certificates import pem
from tests.e2e import rig
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import Rig
from tests.soak import authority
from tests.soak.rows import Rows
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


@dataclass
class Browser:
    """Shakes hands with machines as one that trusts our authority."""

    trust: ssl.SSLContext
    ports: dict[str, int]

    def serial(self, machine: str, name: str) -> str:
        with (
            socket.create_connection(("127.0.0.1", self.ports[machine]), timeout=10) as plain,
            self.trust.wrap_socket(plain, server_hostname=name) as line,
        ):
            data = ssl.DER_cert_to_PEM_cert(line.getpeercert(binary_form=True) or b"")
        return pem.read(data.encode()).serial

    def serials(self, *machines: str) -> set[tuple[str, ...]]:
        """Return what is shown for each name, once for machines that show the same."""
        return {tuple(self.serial(machine, name) for name in NAMES) for machine in machines}

    def agree(self) -> bool:
        """Whether all machines answer, and show the same."""
        try:
            return len(self.serials(*rig.NAMES)) == 1
        except OSError:
            return False

    @contextmanager
    def watching(self, machine: str) -> Iterator[list[str]]:
        """Shake hands for a block; note what fails."""
        failures: list[str] = []
        is_over = threading.Event()

        def watch() -> None:
            while not is_over.wait(0.1):
                for name in NAMES:
                    try:
                        self.serial(machine, name)
                    except OSError as error:
                        failures.append(f"{time.monotonic():.1f} {name}: {error}")

        thread = threading.Thread(target=watch)
        thread.start()
        try:
            yield failures
        finally:
            is_over.set()
            thread.join(60)


def test_a_certificate_is_obtained_once_and_outlives_the_machine_of_its_service(
    project: Checkout, rows: Rows, tmp_path: Path
) -> None:
    project.borrow_packages()
    with rows.measure("one certificate on three machines", "3 machines, 1 lost") as row:
        three = rig.build(project)
        m1 = docker(
            "inspect", "--format", "{{json .NetworkSettings.Networks}}", three.container("m1")
        )
        network = next(iter(yaml.safe_load(m1)))
        ours = authority.start(
            three.app, network, [address(three, name) for name in rig.NAMES], NAMES, LIFETIME
        )
        prepare(project, ours)
        browser = Browser(trusting(ours, tmp_path), https_ports(project))
        three.deploy()
        (first,) = browser.serials(*rig.NAMES)
        assert first[0] != first[1]
        assert "release-" in by_http3(network, address(three, "m2"))
        states = status(project)["certificates"]
        assert {each["name"] for each in states} == {"shop.test", "*.shop.test"}
        assert all(len(each["machines"]) == 3 for each in states)

        machine = where(three)
        others = [name for name in rig.NAMES if name != machine]
        with browser.watching(others[0]) as failures:
            lost_at = time.monotonic()
            docker("kill", three.container(machine))
            wait_until("the service runs elsewhere", lambda: where(three, others[0]) in others)
            row.result = f"service elsewhere after {time.monotonic() - lost_at:.0f} s"
            wait_until(
                "it is renewed",
                lambda: first not in (now := browser.serials(*others)) and len(now) == 1,
            )
            row.result += f", renewed by it after {time.monotonic() - lost_at:.0f} s"
            docker("start", three.container(machine))
            wait_until("the machine shows it too", browser.agree)
        assert failures == []
        assert accounts(three, others[0]) == 1

        spare = others[1]
        edge = three.on(spare, "docker", "ps", "-q", "--filter", "label=slipway.service=edge")
        three.on(spare, "docker", "exec", edge, "rm", "-rf", "/data/certificates")
        three.on(spare, "docker", "kill", edge)
        wait_until("an edge without a copy shows it", browser.agree)
        row.result += ", nothing failed"


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


def trusting(ours: authority.Authority, folder: Path) -> ssl.SSLContext:
    (folder / "root.crt").write_text(ours.root + "\n")
    return ssl.create_default_context(cafile=str(folder / "root.crt"))


def https_ports(project: Checkout) -> dict[str, int]:
    inventory = yaml.safe_load(project.path(".slipway/staging/machines.yml").read_text())
    return {name: inventory[name]["https_port"] for name in rig.NAMES}


def address(three: Rig, name: str) -> str:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "--format", form, three.container(name))


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
