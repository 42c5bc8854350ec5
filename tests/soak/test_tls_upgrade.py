"""A machine whose Caddy obtained its certificates, as the version before had it, is upgraded."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from tests import tagged
from tests.e2e import checkout, leftovers, rig
from tests.e2e.checkout import Checkout
from tests.e2e.rig import Rig
from tests.soak import authority
from tests.soak.authority import Authority
from tests.soak.rows import Rows
from tests.soak.tls_visitor import Visitor
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
BEFORE = "v0.2.0"  # the last version without a service for certificates
STAGING = "--env=staging"
NAMES = ("shop.test", "www.shop.test")
LIFETIME = 3600  # seconds: nothing is due by itself while this runs
ITS_OWN = """
services:
  api: {{deploy: {{replicas: 1}}}}
  web: {{deploy: {{replicas: 1}}}}
  edge: {{dns: ["{name_server}"]}}
"""
SHARED = f"""{ITS_OWN}
  certificates: {{{{dns: ["{{name_server}}"], environment: {{{{RENEW_BELOW: "{{below}}"}}}}}}}}
"""
# Caddy asks Let's Encrypt, for whom ours stands in: its name leads there, and this trusts it.
TRUST = "COPY ours.pem /etc/ssl/certs/\n"


@dataclass(frozen=True)
class Lived:
    """Staging as the version before deployed it, and the same project with this version."""

    machine: Rig
    before: Checkout
    now: Checkout
    ours: Authority
    visitor: Visitor

    def shown(self) -> tuple[str, ...]:
        (serials,) = self.visitor.serials("m1")
        return serials

    def renew(self, below: float) -> None:
        """Say how much of a certificate's life is left when it is renewed."""
        text = SHARED.format(name_server=self.ours.name_server, below=below)
        self.now.path("compose/compose.staging.yml").write_text(text)
        self.now.commit(f"Renew below {below}")

    def states(self) -> list[dict[str, Any]]:
        document: dict[str, Any] = self.now.inv("status", STAGING, "--json").expect().json
        states: list[dict[str, Any]] = document["certificates"]
        return states


@pytest.fixture
def lived(tmp_path: Path) -> Iterator[Lived]:
    if BEFORE not in tagged.newest(99):
        pytest.skip(tagged.WHY_NONE)
    name = leftovers.new_name()
    with leftovers.swept(name):
        before = checkout.clone(tmp_path / "before", name, at=BEFORE)
        began = before.git("rev-parse", "HEAD")
        machine = rig.build(before, ["m1"])
        ours = authority.for_machines(machine, NAMES, LIFETIME)
        before.set("staging", TLS="auto", DOMAIN=",".join(NAMES))
        overlay = ITS_OWN.format(name_server=ours.name_server)
        before.path("compose/compose.staging.yml").write_text(overlay)
        before.inv("secrets.create", STAGING).expect()
        team_wrote = before.git("diff", "--name-only", began).split()
        team_wrote += before.git("ls-files", "--others", "--exclude-standard").split()
        have_edges_trust(before, ours)
        before.commit("Certificates for the shop")
        machine.deploy()

        now = replace(checkout.clone(tmp_path / "now", name), home=before.home)
        shutil.copytree(before.path(".slipway"), now.path(".slipway"))
        for path in team_wrote:
            shutil.copy2(before.path(path), now.path(path))
        have_edges_trust(now, ours)
        now.keep_secret("staging", "ACME_CA_ROOT", ours.root + "\n")
        visitor = Visitor.of(before, ours.root, NAMES)
        yield Lived(machine, before, now, ours, replace(visitor, path="/"))


def have_edges_trust(project: Checkout, ours: Authority) -> None:
    project.path("compose/edge/ours.pem").write_text(ours.root + "\n")
    with project.path("compose/edge/Dockerfile").open("a") as file:
        file.write(TRUST)


def test_certificates_that_caddy_obtained_are_shown_over_the_upgrade_and_renewed_after_it(
    lived: Lived, rows: Rows
) -> None:
    wait_until("Caddy has its own certificates", lived.visitor.sees_the_same_everywhere)
    first = lived.shown()
    with rows.measure("TLS=auto upgraded", f"from {BEFORE}, 1 machine") as row:
        lived.renew(below=0.1)
        with lived.visitor.watching("m1") as watched:
            lived.now.inv("deploy", STAGING).expect()
            assert lived.shown() == first
            lived.now.inv("status", STAGING, "--check").expect()
            states = lived.states()
            assert {each["name"] for each in states} == set(NAMES)
            assert tuple(f"{each['serial']}" for each in states) == first
        assert watched.failures == []
        row.result = f"upgrade: 0 of {watched.requests} requests failed"

        with lived.visitor.watching("m1") as watched:
            lived.now.inv("rollback", STAGING).expect()
            assert lived.shown() == first
        assert watched.failures == []
        row.result += f", rollback: 0 of {watched.requests}"

        lived.renew(below=0.95)
        with lived.visitor.watching("m1") as watched:
            lived.now.inv("deploy", STAGING).expect()
            wait_until("both are renewed", lambda: not set(first) & set(lived.shown()))
        assert watched.failures == []
        row.result += f", upgrade again and renewed: 0 of {watched.requests}"
