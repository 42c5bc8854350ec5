"""Testing: made fresh, tested by its own service, used through a balancer, removed completely."""

import json
import ssl
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from tests.e2e import leftovers
from tests.e2e.checkout import Checkout, docker, free_ports
from tests.e2e.site import PASSWORD
from tests.waiting import MINUTES, wait_until

pytestmark = pytest.mark.engine
# Bridges of the engine between the balancer and the edge, and this computer in front of it.
TRUSTED = "10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 127.0.0.0/8, ::1"
SIGNUPS = 60  # more than the service called tests makes
ROOT = "/tmp/caddy/pki/authorities/local/root.crt"
Clients = Callable[[], httpx.Client]
BALANCER = """{
    admin off
    http_port HTTP
    https_port HTTPS
    servers {
        protocols h1 h2
        trusted_proxies static private_ranges
    }
}
localhost {
    tls internal
    reverse_proxy 127.0.0.1:EDGE
}
"""


def test_testing_is_made_verified_and_removed_without_a_trace(clone: Checkout) -> None:
    clone.set("testing", TRUSTED_PROXIES=f"'{TRUSTED}'", LAB="off", SHOW_RELEASE="off")
    clone.set("testing", SIGNUPS_PER_HOUR=str(SIGNUPS))
    clone.commit("Put testing behind a balancer")
    clone.inv("deploy", "--env=testing").expect()
    verified = clone.inv("verify", "--env=testing").expect()
    assert " passed" in verified.text
    assert " failed" not in verified.text
    assert clone.inv("images.scan", "--env=testing").code in (0, 5)  # holes, or nobody to ask
    bill = json.loads(clone.path(".slipway/sbom/api.cdx.json").read_text())
    assert any(each["purl"].startswith("pkg:pypi/starlette@") for each in bill["components"])
    with balancer(clone) as clients:
        behind_a_balancer_everything_holds(clients)

    clone.inv("destroy", "--env=testing").expect()
    assert leftovers.remaining(f"{clone.project}-testing") == []


def behind_a_balancer_everything_holds(clients: Clients) -> None:
    """Cookies are for HTTPS alone, and limits count people; the balancer is told who they are."""
    email = f"{uuid.uuid4().hex[:12]}@example.org"
    with clients() as ada:
        form = {"email": email, "password": PASSWORD}
        signed_up = ada.post("/api/signup", json=form)
        cookies = signed_up.headers.get_list("set-cookie")
        assert signed_up.status_code == 201
        assert len(cookies) == 2 and all("; Secure" in each for each in cookies)
        assert signed_up.headers["strict-transport-security"] == "max-age=31536000"
        assert not {"server", "x-release", "x-colour"} & signed_up.headers.keys()
        assert ada.get("/_edge/up").text == "up\n"

    def ask(path: str, address: str, **fields: str) -> int:
        """Send a form from an address, as the balancer says it."""
        form = {"email": email, "password": "some other password", **fields}
        said = {"X-Forwarded-For": address}
        with clients() as somebody:
            return somebody.post(path, json=form, headers=said).status_code

    neighbours = [f"2001:db8:0:1::{number}" for number in range(11)]  # one subscriber's
    assert [ask("/api/signin", each) for each in neighbours] == [401] * 10 + [429]
    assert ask("/api/signin", "2001:db8:0:2::1") == ask("/api/signin", "203.0.113.9") == 401

    # Few answers say which addresses have an account, and few accounts are made.
    asked = [ask("/api/signup", each) for each in neighbours]
    assert asked == [409] * 10 + [429]
    new = [f"{number}-{email}" for number in range(SIGNUPS + 1)]
    made = [ask("/api/signup", "203.0.113.9", email=each) for each in new]
    assert made == [201] * SIGNUPS + [429]


@contextmanager
def balancer(clone: Checkout) -> Iterator[Clients]:
    """End TLS in front of testing, with a Caddy that trusts what this computer says of clients.

    Lends what makes clients of it.
    """
    http, https = free_ports(2)
    ports = {"HTTPS": https, "HTTP": http, "EDGE": clone.setting("testing", "HTTP_PORT")}
    text = BALANCER
    for name, port in ports.items():
        text = text.replace(f"{name}\n", f"{port}\n")
    script = 'echo "$CADDYFILE" >/tmp/Caddyfile; caddy run --config /tmp/Caddyfile'
    # The edge of testing is open to this computer alone.
    options = ("--network", "host", "--env", f"CADDYFILE={text}", "--env", "XDG_DATA_HOME=/tmp")
    container = docker("run", "--detach", *options, "caddy:2", "sh", "-c", script)
    try:

        def authority() -> str:
            return docker("exec", container, "cat", ROOT)

        wait_until("it has an authority", lambda: bool(authority()), timeout=2 * MINUTES)
        trust = ssl.create_default_context(cadata=authority())

        def clients() -> httpx.Client:
            return httpx.Client(base_url=f"https://localhost:{https}", verify=trust, timeout=20)

        asked = "/_edge/up"
        wait_until("it serves", lambda: clients().get(asked).is_success, timeout=2 * MINUTES)
        yield clients
    finally:
        docker("rm", "--force", "--volumes", container)


def test_verifying_what_is_not_there_says_what_to_type(project: Checkout) -> None:
    done = project.inv("verify", "--env=testing").expect(3)
    assert "inv deploy --env=testing" in done.err
