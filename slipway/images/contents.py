"""What is in an image: its packages as a bill of materials, and which of them have known holes.

The image itself is asked. What lies in it outside of packages (a program that was copied in) has no
name there; a scanner that knows more is used where there is one.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from slipway import shell_scripts
from slipway.errors import SlipwayError, last_line
from slipway.hosts.answers import reading
from slipway.hosts.host import MINUTES, Host
from slipway.images.sources import Image

LIST = shell_scripts.read(__file__, "contents_list.sh")
UPDATES = shell_scripts.read(__file__, "contents_updates.sh")
# Each scanner that is looked for on PATH, with what ends it otherwise than with 0: what is grave
# and can be mended.
SCANNERS: Mapping[str, Sequence[str]] = {
    "trivy": ("image", "--quiet", "--severity=HIGH,CRITICAL", "--ignore-unfixed", "--exit-code=5"),
    "grype": ("--quiet", "--only-fixed", "--fail-on=high"),
}

Document = dict[str, object]


@dataclass(frozen=True)
class Package:
    """One package of an image; `kind` is that of a package URL: deb, apk, pypi."""

    kind: str
    name: str
    version: str
    architecture: str = ""


@dataclass(frozen=True)
class Contents:
    """What an image says of itself."""

    system: str
    release: str
    packages: tuple[Package, ...]


@dataclass(frozen=True)
class Hole:
    """A package with a known hole, and what mends it."""

    service: str
    package: str
    installed: str
    mended: str


def look(host: Host, image: Image) -> Contents:
    """Ask an image for its packages. Raises SlipwayError for one that cannot be asked."""
    lines = _inside(host, image, LIST, "--network=none", "--read-only").splitlines()
    system, release = "unknown", "unknown"
    packages = []
    with reading(host.name, f"what {image.tag} lists"):
        for kind, name, version, *more in (line.split() for line in lines if line.strip()):
            if kind == "os":
                system, release = name, version
            else:
                packages.append(Package(kind, name, version, *more[:1]))
    return Contents(system, release, tuple(sorted(packages, key=lambda p: (p.kind, p.name))))


def bill(image: Image, contents: Contents) -> Document:
    """Write a bill of materials in CycloneDX's form."""
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {"type": "container", "name": image.tag, "version": image.id},
        },
        "components": [
            {
                "type": "library",
                "name": each.name,
                "version": each.version,
                "purl": _url(each, contents),
            }
            for each in contents.packages
        ],
    }


def as_text(bill: Document) -> str:
    """Write it as JSON, a line for each key, so that two can be compared."""
    return json.dumps(bill, indent=1) + "\n"


def scanner() -> str:
    """Name a scanner that is on this computer; nothing where there is none."""
    return next((name for name in SCANNERS if shutil.which(name)), "")


def scan(host: Host, image: Image, program: str) -> tuple[bool, str]:
    """Have a scanner look at an image; return whether it found none, and what it printed."""
    target = image.id if program == "trivy" else f"docker:{image.id}"
    argv = [program, *SCANNERS[program], target]
    result = host.run(argv, timeout=15 * MINUTES, check=False)
    text = result.out.strip()
    return result.code == 0, text or (last_line(result.err) if result.code else "")


def holes(host: Host, service: str, image: Image) -> list[Hole]:
    """Ask the distribution which packages of an image have updates of security."""
    lines = _inside(host, image, UPDATES, "--tmpfs=/tmp").splitlines()
    with reading(host.name, f"what mends {image.tag}"):
        return [Hole(service, *line.split()[:3]) for line in lines]


def _inside(host: Host, image: Image, script: str, *options: str) -> str:
    argv = ["docker", "run", "--rm", *options, "--user=0:0", "--entrypoint=sh", image.id]
    result = host.run([*argv, "-euc", script], timeout=5 * MINUTES, check=False)
    if result.code != 0:
        raise SlipwayError(f"{image.tag} cannot be looked into: {last_line(result.err)}")
    return result.out


def _url(package: Package, contents: Contents) -> str:
    """Name a package as other tools do: pkg:deb/debian/openssl@3.5.1-1?arch=amd64."""
    name, version = quote(package.name.lower(), safe=""), quote(package.version, safe="")
    if package.kind == "pypi":
        return f"pkg:pypi/{name.replace('_', '-')}@{version}"
    more = f"?arch={package.architecture}&distro={contents.system}-{contents.release}"
    return f"pkg:{package.kind}/{contents.system}/{name}@{version}{more}"
