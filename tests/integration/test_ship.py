"""Delivery of images: to a machine with an engine of its own, and through a real registry."""

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import bcrypt
import httpx
import pytest

from slipway.bootstrap.images import ensure_images
from slipway.cluster import ledger
from slipway.environments import environment
from slipway.errors import Refused, SlipwayError
from slipway.hosts import registry_logins
from slipway.hosts.host import script
from slipway.hosts.local import LocalHost
from slipway.images import archive as archives
from slipway.images import context, lockfile, ship, sources
from slipway.images import registry as registries
from slipway.images.sources import Build, Image
from slipway.machines.connect import Cluster
from slipway.progress import SILENT
from slipway.releases import application, image_tags, unused_images
from tests import base_images
from tests.fakes.reporter import RecordingReporter
from tests.integration import nested
from tests.integration.docker_sandbox import DockerSandbox, base_image
from tests.integration.nested import Nested
from tests.unit.releases.running_swarm import RELEASE

pytestmark = pytest.mark.engine

REGISTRY = """
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends docker-registry
RUN printf '%s\\n' 'version: 0.1' 'storage: {filesystem: {rootdirectory: /srv}}' \\
    'http: {addr: ":5000"}' >/etc/docker/registry/open.yml
RUN printf '%s\\n' 'auth: {htpasswd: {realm: ours, path: /users}}' | \\
    cat /etc/docker/registry/open.yml - >/etc/docker/registry/users.yml
RUN echo 'ci:HASH' >/users
"""
BIG = 4_000_000


class Sources:
    """A service whose image is a big layer that stays and a small one that changes."""

    def __init__(self, corner: DockerSandbox, folder: Path) -> None:
        self.corner = corner
        self.folder = folder
        (folder / "big").write_bytes(os.urandom(BIG))
        text = f"FROM scratch\nLABEL {corner.label}\nCOPY big /\nCOPY version /\n"
        (folder / "Dockerfile").write_text(text)

    def build(self, version: str) -> Image:
        """Build a version as a deploy does; return the image."""
        (self.folder / "version").write_text(version)
        name = f"{self.corner.app}/api"
        build = Build("api", name, self.folder, self.folder / "Dockerfile", {})
        tag = sources.tag(build)
        sources.build(LocalHost(), [(build, tag)], SILENT)
        return sources.inspect(LocalHost(), [tag])[tag]


@pytest.fixture
def app(corner: DockerSandbox, tmp_path: Path) -> Sources:
    return Sources(corner, tmp_path)


@pytest.fixture(scope="module")
def machine(module_corner: DockerSandbox) -> Nested:
    return nested.start(module_corner)


class Registry:
    """A real registry, open to all or, with Debian's own configuration, to those who sign in."""

    def __init__(self, corner: DockerSandbox) -> None:
        self.corner = corner
        self.tag = f"{corner.app}/registry"
        base_image("debian:trixie-slim")
        users = bcrypt.hashpw(b"hunter2 of ci", bcrypt.gensalt(4)).decode()
        text = REGISTRY.replace("HASH", users)
        base_images.build(self.tag, "-", "--label", corner.label, text=text)

    def start(self, config: str) -> str:
        """Start one; return its address."""
        words = ("docker-registry", "serve", f"/etc/docker/registry/{config}.yml")
        options = ("--publish", "127.0.0.1::5000")
        container = self.corner.run(self.tag, *words, options=options)
        port = self.corner.port(container, 5000)
        deadline = time.monotonic() + 120
        while self._answer(port) not in (200, 401):
            assert time.monotonic() < deadline, "the registry does not start"
            time.sleep(0.1)
        return f"127.0.0.1:{port}"

    def _answer(self, port: int) -> int:
        try:
            return httpx.get(f"http://127.0.0.1:{port}/v2/", timeout=2).status_code
        except httpx.HTTPError:
            return 0


@pytest.fixture(scope="module")
def registry(module_corner: DockerSandbox) -> Registry:
    return Registry(module_corner)


@pytest.mark.hosts
def test_only_the_layers_a_machine_lacks_travel_and_the_image_is_the_same(
    machine: Nested, app: Sources
) -> None:
    first = app.build("one")
    here = LocalHost("here")
    assert first.id not in ship.present([machine])
    reporter = RecordingReporter()
    assert ship.over_ssh([here, machine], [first], reporter).endswith("to 1 of 2 machines")
    assert reporter.notes == [f"1 images to {machine.name}"]
    expected, sent = reporter.lanes[0], reporter.lanes[-1]
    assert {lane.machine for lane in reporter.lanes} == {machine.name}
    assert expected.current == 0 and 0.9 < expected.total / sent.current < 1.1, "it is foreseen"
    assert sent.is_done and sent.unit == "bytes"
    assert machine.version_in(first.id) == "one"
    assert ship.over_ssh([machine], [first], SILENT) == "every machine has them"

    second = app.build("two")
    size = sum(map(len, archives.save(here, [second.id], [])))
    assert size > BIG
    summary = ship.over_ssh([machine], [second], SILENT)
    assert summary == "0.0 MB to 1 of 1 machines"
    assert machine.version_in(second.id) == "two"
    assert sources.inspect(machine, [second.tag])[second.tag].id == second.id


@pytest.mark.hosts
def test_what_only_another_machine_has_comes_from_there_under_its_tag(
    machine: Nested, app: Sources
) -> None:
    here, image, other = LocalHost("here"), app.build("there"), app.build("elsewhere")
    ship.over_ssh([machine], [image, other], SILENT)
    # The tag is another build's by now, and the build itself is nowhere here.
    machine.run(["docker", "tag", other.id, image.tag])
    here.run(["docker", "image", "rm", image.tag])
    nobody = Image("demo/gone:src-1", f"sha256:{'0' * 64}")
    reporter = RecordingReporter()
    assert ship.between([here, machine], [image, nobody], reporter) == {nobody.id}
    assert reporter.notes == ["1 images to here"]
    assert sources.inspect(here, [image.tag])[image.tag] == image


@pytest.mark.hosts
def test_several_images_share_what_they_have_in_common(machine: Nested, app: Sources) -> None:
    images = [app.build(f"shared {number}") for number in range(3)]
    ship.over_ssh([machine], images, SILENT)
    assert [machine.version_in(image.id) for image in images] == [
        f"shared {number}" for number in range(3)
    ]


@pytest.mark.hosts
def test_a_prune_leaves_what_is_used_and_what_a_release_on_record_needs(
    machine: Nested, app: Sources
) -> None:
    unneeded, needed, used = (app.build(version) for version in ("unneeded", "needed", "used"))
    ship.over_ssh([machine], [unneeded, needed, used], SILENT)
    container = machine.run(["docker", "create", used.id, "none"]).out.strip()
    machine.run(["docker", "swarm", "init", "--advertise-addr", "127.0.0.1"])
    record = replace(RELEASE, images={"api": needed.id}, tags={"api": "shop/api:src-1"})
    argv = ledger.create("shop-prod.release.00007", {"slipway.tags": "shop/api:src-1"})
    machine.run(argv, stdin=record.to_json().encode())
    found = unused_images.look(environment.load("staging"), Cluster(machine, {"m": machine}))
    ids = {image.id for image in found.images}
    assert unneeded.id in ids and not {needed.id, used.id} & ids
    script(machine, unused_images.REMOVE, *ids, used.id)
    assert ship.present([machine]) >= {needed.id, used.id}
    assert unneeded.id not in ship.present([machine])
    machine.run(["docker", "rm", container])


def test_an_image_comes_back_from_a_registry_by_its_digest(
    registry: Registry, app: Sources
) -> None:
    image = app.build("pushed")
    address = registry.start("open")
    references = registries.push([image], address)
    reference = references[image.id]
    repository, _, digest = reference.partition("@")
    assert repository == f"{address}/{app.corner.app}/api"
    assert digest.startswith("sha256:")
    assert registries.push([image], address) == references
    assert registries.has(LocalHost(), reference)
    assert not registries.has(LocalHost(), f"{repository}@sha256:{'0' * 64}")
    app.corner.docker("image", "rm", "--force", image.id)
    app.corner.docker("pull", "--quiet", reference)
    found = json.loads(app.corner.docker("image", "inspect", reference))
    assert found[0]["Id"] == image.id


def test_a_tag_that_moved_is_pulled_as_it_was_when_somebody_looked(
    registry: Registry, app: Sources
) -> None:
    here, name = LocalHost("here"), f"{registry.start('open')}/base:1"

    def publish(version: str) -> Image:
        """Have the tag mean another image."""
        image = app.build(version)
        app.corner.docker("tag", image.id, name)
        app.corner.docker("push", "--quiet", name)
        return image

    before = publish("before")
    lock = lockfile.look_up(here, [name], SILENT)
    assert list(lock) == [name] and lock[name].startswith("sha256:")
    after = publish("after")
    found = sources.inspect(here, [name])
    assert found[name].id == after.id
    assert lockfile.others(found, lock) == [name]
    with pytest.raises(Refused, match=rf"^{name} on this computer is not the one .*inv bootstrap$"):
        lockfile.check([name], found, lock)
    assert ensure_images([name], SILENT, lock=lock) == [f"pulled {name}"]
    found = sources.inspect(here, [name])
    assert found[name].id == before.id
    lockfile.check([name], found, lock)
    anew = lockfile.look_up(here, [name], SILENT)
    assert lockfile.changes(lock, anew) == [f"{name}: changed"]
    app.corner.docker("image", "rm", name)


@pytest.mark.parametrize(
    "text",
    [
        "FROM scratch\nCOPY --from=BASE /Dockerfile /\n",
        "FROM BASE AS a\nFROM scratch\nCOPY --from=a / /\n",
    ],
    ids=["image", "stage"],
)
def test_the_mark_of_a_stand_in_goes_along_with_files_that_are_copied_out_of_it(
    corner: DockerSandbox, tmp_path: Path, text: str
) -> None:
    base, dockerfile = f"{corner.app}/base:1", tmp_path / "Dockerfile"
    dockerfile.write_text(f"FROM scratch\nLABEL {sources.STAND_IN}=true\nCOPY Dockerfile /\n")
    corner.docker("build", "--quiet", "--label", corner.label, "--tag", base, str(tmp_path))
    dockerfile.write_text(text.replace("BASE", base))
    build = {"context": str(tmp_path), "labels": {"slipway.app": corner.app}}
    deploy = {"labels": {"slipway.role": "data"}}
    spec = {"image": f"{corner.app}/api", "build": build, "deploy": deploy}
    here = LocalHost("here")
    app = image_tags.marked(application.parse({"services": {"api": spec}}), here)
    tag = image_tags.read(app, here)["api"]
    sources.build(here, [(app.builds[0], tag)], SILENT)
    assert sources.inspect(here, [tag])[tag].stand_in


def test_a_registry_that_wants_a_login_says_what_to_type(registry: Registry, app: Sources) -> None:
    address = registry.start("config")
    with pytest.raises(
        SlipwayError, match=rf"\(docker login {address}, or REGISTRY_LOGINS .* secrets\)$"
    ):
        registries.push([app.build("closed")], address)


def test_a_registry_is_signed_in_to_for_as_long_as_a_command_takes(
    registry: Registry, app: Sources
) -> None:
    address, image = registry.start("users"), app.build("signed")
    logins = registry_logins.parse(f"{address} ci hunter2 of ci", "logins")
    with registry_logins.in_force(logins):
        (reference,) = registries.push([image], address).values()
        assert registries.has(LocalHost(), reference)
    assert not registries.has(LocalHost(), reference)
    with pytest.raises(SlipwayError, match=f"docker login {address}"):
        registries.push([app.build("unsigned")], address)


def test_a_registry_that_does_not_answer_is_named(app: Sources) -> None:
    image = app.build("refused")
    with pytest.raises(
        SlipwayError, match=r"^127\.0\.0\.1:1 did not accept .*; nothing was changed"
    ):
        registries.push([image], "127.0.0.1:1")


def test_a_build_that_fails_shows_its_last_words(app: Sources) -> None:
    dockerfile = app.folder / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY missing /\n")
    build = Build("api", "x", app.folder, dockerfile, {})
    with pytest.raises(
        SlipwayError, match=r"api does not build; nothing was changed(.|\n)*missing"
    ):
        sources.build(LocalHost(), [(build, f"{app.corner.app}/api:bad")], SILENT)


PATTERNS = [
    "",
    "*\n!app/**/*.py\n",
    "*\n!app\napp/deep\n!app/deep/er/kept.txt\n",
    "**/*.txt\n!**/kept.txt\n",
    "# comment\n\n /app/deep/ \n*.md\n",
    "app/*\n!app/deep\n",
    "**/deep\n!app/deep/er\n",
    "a?p\n!.hidden\n[xyz].txt\n",
    "*.txt\n",
    "app/deep/..\n",
    "**\n!**/er/*.py\n",
    "*\n!**.py\n",
    "link*\n",
]


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("tree")
    names = ["x.txt", "kept.txt", "README.md", ".hidden/y.txt", "app/main.py", "app/notes.txt"]
    names += ["app/deep/mid.py", "app/deep/er/low.py", "app/deep/er/kept.txt", "other/deep/z.py"]
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    (folder / "link.py").symlink_to("app/main.py")
    (folder / "linked").symlink_to("app")
    yield folder


@pytest.mark.parametrize("patterns", PATTERNS)
def test_the_tag_counts_what_the_build_really_sees(
    tree: Path, patterns: str, tmp_path: Path
) -> None:
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    (tree / ".dockerignore").write_text(patterns)
    argv = ["docker", "build", "--quiet", "--no-cache", "--output", "type=tar,dest=-"]
    argv += ["--file", str(dockerfile), str(tree)]
    data = subprocess.run(argv, capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        seen = {member.name for member in archive if not member.isdir()}
    assert set(context.files(tree, dockerfile)) == seen
