"""What is in an image: listed as it says, and its packages with known holes named."""

import json
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.hosts.local import LocalHost
from slipway.images import contents, sources
from slipway.images.sources import Image
from tests.integration.docker_sandbox import DockerSandbox, base_image

pytestmark = pytest.mark.engine
PYTHON = "python:3.13-slim-trixie"
# A distribution of our own that mends one package, in the form of Debian's.
MENDING = """
FROM python:3.13-slim-trixie
WORKDIR /mends
RUN rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* && \\
    printf 'Package: bash\\nVersion: 99\\nArchitecture: all\\nFilename: x\\n' >Packages && \\
    printf 'Size: 1\\nSHA256: %064d\\n' 0 >>Packages && \\
    printf 'Origin: Debian\\nLabel: Debian-Security\\nSuite: stable-security\\n' >Release && \\
    printf 'SHA256:\\n %s %s Packages\\n' "$(sha256sum Packages | cut -d' ' -f1)" \\
      "$(stat -c %s Packages)" >>Release && \\
    echo 'deb [trusted=yes] file:/mends ./' >/etc/apt/sources.list
"""


def image(name: str) -> Image:
    return sources.inspect(LocalHost("here"), [name])[name]


def test_an_image_lists_its_packages_as_a_bill_of_materials() -> None:
    found = image(base_image(PYTHON))
    inside = contents.look(LocalHost("here"), found)
    bill = json.loads(contents.as_text(contents.bill(found, inside)))
    assert (bill["bomFormat"], bill["metadata"]["component"]["version"]) == ("CycloneDX", found.id)
    urls = [each["purl"] for each in bill["components"]]
    assert any(url.startswith("pkg:deb/debian/bash@") and "distro=debian-13" in url for url in urls)
    assert any(url.startswith("pkg:pypi/pip@") for url in urls)


def test_packages_that_the_distribution_mends_are_named_and_a_silent_one_is_no_good_news(
    corner: DockerSandbox, tmp_path: Path
) -> None:
    here, tag = LocalHost("here"), f"{corner.app}/mending"
    base_image(PYTHON)
    (tmp_path / "Dockerfile").write_text(MENDING)
    corner.docker("build", "--quiet", "--label", corner.label, "--tag", f"{tag}:1", str(tmp_path))
    (hole,) = contents.holes(here, "api", image(f"{tag}:1"))
    assert (hole.service, hole.package, hole.mended) == ("api", "bash", "99")
    assert hole.installed.startswith("5.")
    text = MENDING.replace("Debian-Security", "Debian").replace("stable-security", "stable")
    (tmp_path / "Dockerfile").write_text(text)
    corner.docker("build", "--quiet", "--label", corner.label, "--tag", f"{tag}:2", str(tmp_path))
    with pytest.raises(SlipwayError, match=r"mending:2 cannot be .*name no security updates"):
        contents.holes(here, "api", image(f"{tag}:2"))
