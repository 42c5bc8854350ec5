"""Each kind of change of an edge under load: nothing refused, and what takes long ends well.

A deploy that is killed in the middle is finished by the next one, also without a refusal.
"""

import re
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout, docker
from tests.e2e.rig import Rig
from tests.soak.edge_visitors import Entrance, Visitors
from tests.soak.rows import Rows
from tests.waiting import wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
MUST = ("new", "20 s", "upload", "HTTP/2")
KINDS = (*MUST, "kept", "events", "websocket")
LINE = """
  line: # takes uploads of any size, and echoes what it hears on a websocket
    <<: *service
    image: ${PROJECT}/api
    build: ./api
    command: [python, -c, %s]
    networks: [edge]
    healthcheck: {disable: true}
    stop_grace_period: 40s
    deploy:
      replicas: 1
      labels:
        slipway.role: colour
        slipway.route: /line/*
        slipway.port: "8000"
        slipway.ready: tcp

  worker:
"""
SERVER = """
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_POST(self):
        left = int(self.headers['Content-Length'])
        while left and (part := self.rfile.read(min(left, 1 << 16))):
            left -= len(part)
        self.send_response(500 if left else 200)
        self.send_header('Content-Length', '0')
        self.end_headers()
    def do_GET(self):
        self.send_response(101)
        self.send_header('Connection', 'Upgrade')
        self.send_header('Upgrade', 'websocket')
        self.end_headers()
        while len(head := self.rfile.read(10)) == 10:
            self.wfile.write(bytes((129, 4)) + head[6:])
        self.close_connection = True
http.server.ThreadingHTTPServer(('', 8000), Handler).serve_forever()
"""


@pytest.fixture(scope="module")
def one(project: Checkout) -> Iterator[Rig]:
    """A machine with a first release whose clients upload, wait and stay."""
    project.shrink("staging")
    script = '"' + SERVER.strip().replace("\n", "\\n") + '"'
    project.replace("compose/compose.yml", "\n  worker:\n", LINE % script)
    project.set("common", MAX_BODY_MB="300")
    project.commit("Add what stays long")
    yield rig.deployed(project, ("m1",))


def entrance(one: Rig) -> Entrance:
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}"
    address = docker("inspect", "--format", form, one.container("m1")).split()[0]
    return Entrance(address, [80])


def change_edge_image(one: Rig) -> None:
    path = "compose/edge/empty.json"
    one.checkout.replace(path, "Nothing is deployed here yet", "Nothing is deployed here so far")


def change_routes(one: Rig) -> None:
    one.checkout.set("staging", RESPONSE_TIMEOUT="500")


def change_domain(one: Rig) -> None:
    one.checkout.set("staging", DOMAIN="shop.example")


def change_ports(one: Rig) -> None:
    one.checkout.set("staging", HTTP_PORT="8081")


def change_tls(one: Rig) -> None:
    one.checkout.set("staging", TLS="internal", DOMAIN="shop.example")


def change_page(one: Rig) -> None:
    one.checkout.replace("compose/web/site/index.html", "Write it down.", "Keep it.")


def change_edge_again(one: Rig) -> None:
    label_edge(one, "again")


def label_edge(one: Rig, value: str) -> None:
    """Change the image of the edge, and nothing of what it does."""
    one.checkout.replace("compose/edge/Dockerfile", "\nUSER", f"\nLABEL n={value}\nUSER")


@pytest.mark.parametrize(
    ("change", "ports", "tls"),
    [
        (change_page, [80], False),
        (change_routes, [80], False),
        (change_edge_image, [80], False),
        (change_domain, [80], False),
        (change_ports, [80, 8081], False),
        (change_tls, [80, 8081], False),
        (change_edge_again, [443], True),
    ],
    ids=["cutover", "routes", "edge image", "domain", "ports", "TLS", "edge image with TLS"],
)
def test_a_change_refuses_no_connection_and_ends_nothing_before_its_time(
    one: Rig, rows: Rows, change: Callable[[Rig], None], ports: list[int], tls: bool
) -> None:
    name = change.__name__.removeprefix("change_").replace("_", " ")
    change(one)
    one.checkout.commit(f"Change {name}")
    where = replace(entrance(one), ports=ports, is_tls=tls)
    with rows.measure(f"edges change: {name}", "visitors of all kinds") as row:
        with Visitors(where) as visitors:
            time.sleep(3)
            began = time.monotonic()
            said = one.deploy()
            took = time.monotonic() - began
            time.sleep(3)
        tally = visitors.tally
        cells = "; ".join(f"{kind} {tally.cell(kind)}" for kind in KINDS if kind in tally.counts)
        row.result = f"deploy {took:.0f} s; slowest {tally.slowest:.2f} s; {cells}"
        print(f"\n{name}: {row.result}\n{tally.since(began)}\n{said}")
        # Where TLS comes, uploads that begin without it are sent elsewhere.
        failed = {kind for kind in MUST if tally.failed(kind)}
        assert failed <= ({"upload"} if change is change_tls else set()), cells
    assert left_behind(one) == []


def is_beside_started(one: Rig) -> bool:
    return bool(containers(one, "edge-trial"))


def is_led_past(one: Rig) -> bool:
    return bool(rules(one))


def is_being_replaced(one: Rig) -> bool:
    return is_led_past(one) and not containers(one, "edge")


def containers(one: Rig, service: str) -> str:
    labels = (f"label=slipway.app={one.app}", f"label=slipway.service={service}")
    return one.on("m1", "docker", "ps", "-q", "--filter", labels[0], "--filter", labels[1])


def clients(one: Rig, service: str) -> set[str]:
    """Return the addresses that came through a port of an edge, as it wrote them down."""
    script = "for id in $1; do docker logs --tail 2000 $id 2>&1; done"
    logs = one.on("m1", "sh", "-c", script, "sh", containers(one, service))
    return set(re.findall(r'"remote_ip":"([^"]+)"', logs))


def rules(one: Rig) -> list[str]:
    saved = one.on("m1", "sh", "-c", "iptables-save -t nat; ip6tables-save -t nat 2>/dev/null || :")
    return [line for line in saved.splitlines() if "SLIPWAY" in line]


def left_behind(one: Rig) -> list[str]:
    """Name what only a detour has: its rules, its keeper, the edge that stood in."""
    keepers = one.on("m1", "sh", "-c", "pgrep -f '[d]ocker events --since' || :").split()
    stacks = one.on("m1", "docker", "stack", "ls", "--format", "{{.Name}}").split()
    return [*rules(one), *keepers, *(name for name in stacks if name.endswith("-trial"))]


@pytest.mark.parametrize("reached", [is_beside_started, is_led_past, is_being_replaced])
def test_a_deploy_killed_while_edges_are_replaced_is_finished_by_the_next(
    one: Rig, rows: Rows, reached: Callable[[Rig], bool]
) -> None:
    label_edge(one, reached.__name__)
    one.checkout.commit("Change the edge")
    moment = reached.__name__.replace("_", " ")
    known = clients(one, "edge")
    with rows.measure(f"deploy killed when it {moment}", "visitors with new connections") as row:
        with Visitors(entrance(one), stay=False) as visitors:
            deploying = one.checkout.begin("deploy", "--env=staging")
            wait_until(moment, lambda: reached(one), pause=0.05)
            deploying.kill()
            time.sleep(5)
            if is_led_past(one):
                assert clients(one, "edge-trial") <= known
                # Also for who comes from the machine itself.
                one.on("m1", "curl", "-sS", "--max-time", "5", "http://127.0.0.1/_edge/up")
            one.deploy()
        row.result = visitors.tally.cell("new")
        print(f"\n{moment}: {row.result} {visitors.tally.cell('kept')}")
        assert visitors.tally.failed("new") == 0, row.result
    assert "up to date" in one.deploy()
    wait_until("nothing is left", lambda: left_behind(one) == [], lambda: left_behind(one))


def test_a_machine_that_reboots_while_others_stand_in_serves_as_before(one: Rig) -> None:
    label_edge(one, "reboot")
    one.checkout.commit("Change the edge")
    deploying = one.checkout.begin("deploy", "--env=staging")
    wait_until("connections are led past", lambda: is_led_past(one), pause=0.05)
    deploying.kill()
    docker("restart", one.container("m1"))
    wait_until("it serves", lambda: bool(one.releases(["m1"])))
    assert rules(one) == []
    one.deploy()
    wait_until("nothing is left", lambda: left_behind(one) == [], lambda: left_behind(one))
