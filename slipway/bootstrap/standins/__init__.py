"""Stand-ins: images with the names and manners of official ones, built from Debian and PyPI."""

import os
import shutil
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from slipway.errors import CommandFailed, Refused
from slipway.hosts import parallel
from slipway.hosts.host import MINUTES, Host
from slipway.images import checkout, context
from slipway.images.sources import STAND_IN
from slipway.progress import Reporter

LABEL = STAND_IN
FOLDER = Path(__file__).parent
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
ROOM_KB = 2_000_000


@dataclass(frozen=True)
class Recipe:
    """How a stand-in is made: a folder beside this file, after the images it starts from."""

    folder: str
    after: tuple[str, ...] = ()
    file: str = "Dockerfile"


DEBIAN = "debian:trixie-slim"
PYTHON = "python:3.13-slim-trixie"
RECIPES = {
    DEBIAN: Recipe("debian"),
    PYTHON: Recipe("python", (DEBIAN,)),
    "postgres:17": Recipe("postgres", (DEBIAN,)),
    "postgres:18": Recipe("postgres", (DEBIAN,), "18.Dockerfile"),
    "caddy:2": Recipe("caddy", (DEBIAN, PYTHON)),
    "node:24-trixie-slim": Recipe("node", (DEBIAN, PYTHON)),
    "redis:8": Recipe("redis", (DEBIAN,)),
    "nginx:1.26": Recipe("nginx", (DEBIAN,)),
}


def build(names: Collection[str], reporter: Reporter, host: Host) -> list[str]:
    """Build stand-ins and what they start from, side by side where they can be; name each."""
    ordered = [name for name in RECIPES if name in _with_bases(names, host)]
    _check_room()
    # What the others start from is built first and here, where Ctrl-C ends it at once.
    first = [_build(name, reporter, host) for name in ordered if not RECIPES[name].after]
    rest = [name for name in ordered if RECIPES[name].after]
    return [*first, *_build_side_by_side(rest, reporter, host)]


def _build_side_by_side(names: list[str], reporter: Reporter, host: Host) -> list[str]:
    running: dict[str, Future[str]] = {}

    def make(name: str, after: list[Future[str]]) -> str:
        for base in after:
            base.result()
        return _build(name, reporter, host)

    with parallel.workers([host], max(1, len(names))) as pool:
        for name in names:  # a recipe stands after those it needs: none waits for a later one
            after = [running[base] for base in RECIPES[name].after if base in running]
            running[name] = pool.submit(make, name, after)
        return [running[name].result() for name in names]


def _build(name: str, reporter: Reporter, host: Host) -> str:
    reporter.note(f"no registry answers: building a stand-in for {name}")
    sources = _bootstrap_debian(host) if name == DEBIAN else _build_image(name, host)
    return f"stand-in {name} ({sources})"


def _build_image(name: str, host: Host) -> str:
    argv = ["docker", "build", "--quiet", "--label", f"{LABEL}=true"]
    folder = FOLDER / RECIPES[name].folder
    file = folder / RECIPES[name].file
    names = context.files(folder, file)
    with context.copied(folder, names, checkout.moment(folder, names)) as copy:
        recipe = ["--file", str(file), str(copy)]
        draft = host.run([*argv, *recipe], timeout=15 * MINUTES).out.strip()
        show = ["docker", "run", "--rm", "--network", "none", "--entrypoint", "cat"]
        sources = host.run([*show, "--label", f"{LABEL}=true", draft, "/etc/slipway-standin"]).out
        label = f"{LABEL}.sources={sources.strip()}"
        host.run([*argv, "--label", label, "--tag", name, *recipe])  # from the cache, now named
    host.run(["docker", "image", "rm", draft], check=False)
    return sources.strip()


def _bootstrap_debian(host: Host) -> str:
    root = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if root and host.run([*root, "true"], check=False).code != 0:
        raise Refused(
            f"no registry answers and building {DEBIAN} needs root; "
            "type `sudo ./inv bootstrap`, or bring the image with `docker load`"
        )
    if not shutil.which("debootstrap", path=f"{os.environ.get('PATH', '')}:/usr/sbin"):
        _install_debootstrap(host, root)
    certificates = os.environ.get("SSL_CERT_FILE") or str(CERTIFICATES)
    bundle = certificates if Path(certificates).is_file() else ""
    script = str(FOLDER / "debian" / "build.sh")
    # In a mount namespace of its own, so that nothing stays mounted however this ends.
    argv = [
        *root,
        "unshare",
        "-m",
        "sh",
        script,
        DEBIAN,
        "trixie",
        _mirror(host),
        bundle,
        f"{LABEL}=true",
    ]
    host.run(argv, timeout=15 * MINUTES)
    template = f'{{{{index .Config.Labels "{LABEL}.sources"}}}}'
    return host.run(["docker", "image", "inspect", "--format", template, DEBIAN]).out.strip()


def _install_debootstrap(host: Host, root: list[str]) -> None:
    if not shutil.which("apt-get"):
        raise Refused(f"no registry answers and building {DEBIAN} needs debootstrap; install it")
    apt = [*root, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q"]
    apt += ["-o", "DPkg::Lock::Timeout=300"]
    host.run([*apt, "update"], timeout=5 * MINUTES)
    install = [*apt, "install", "-y", "--no-install-recommends", "debootstrap"]
    host.run([*install, "debian-archive-keyring"], timeout=5 * MINUTES)


def _mirror(host: Host) -> str:
    """The Debian mirror of this computer's own apt sources."""
    named = os.environ.get("DEBIAN_MIRROR")
    if named:
        return named
    form = "$(ORIGIN) $(RELEASE) $(REPO_URI)"
    argv = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    try:
        lines = host.run(argv).out.splitlines()
    except CommandFailed:
        lines = []
    for origin, suite, address in (line.split(" ") for line in lines if line.count(" ") == 2):
        if origin == "Debian" and "-" not in suite:
            return address
    raise Refused(
        f"no registry answers and apt names no Debian mirror to build {DEBIAN} from; "
        "type DEBIAN_MIRROR=<its address> before the command"
    )


def _with_bases(names: Collection[str], host: Host) -> set[str]:
    argv = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
    have = set(host.run(argv).out.split())
    required = set(names)
    for name in reversed(RECIPES):
        if name in required:
            required |= {base for base in RECIPES[name].after if base not in have}
    return required


def _check_room() -> None:
    place = Path("/var/lib/docker")
    free = shutil.disk_usage(place if place.exists() else "/").free // 1024
    if free < ROOM_KB:
        raise Refused(
            f"only {free // 1024} MB are free for images below {place}; "
            f"free {ROOM_KB // 1024} MB and run this again"
        )
