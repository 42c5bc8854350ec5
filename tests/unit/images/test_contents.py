"""What a scanner ends with is believed, and what an image lists is read or named."""

import pytest

from slipway.errors import HostError
from slipway.images import contents
from slipway.images.sources import Image
from tests.fakes.host import FakeHost

API = Image("demo/api:src-1", "sha256:1")


@pytest.mark.parametrize(
    ("program", "target"), [("trivy", "sha256:1"), ("grype", "docker:sha256:1")]
)
@pytest.mark.parametrize(
    ("code", "out", "err", "told"),
    [
        (0, "", "", (True, "")),
        (5, "CVE-2026-1 HIGH\n", "", (False, "CVE-2026-1 HIGH")),
        (1, "", "no database\n", (False, "no database")),
    ],
)
def test_a_scanner_that_does_not_end_well_found_something_or_could_not_look(
    program: str, target: str, code: int, out: str, err: str, told: tuple[bool, str]
) -> None:
    host = FakeHost().answers(program, code=code, out=out, err=err)
    assert contents.scan(host, API, program) == told
    assert host.ran(program)[0][-1] == target


def test_a_list_that_is_none_ends_in_a_sentence() -> None:
    host = FakeHost("here").answers("docker", "run", out="os debian 13\ndeb bash\n")
    with pytest.raises(HostError, match=r"here: what demo/api:src-1 lists cannot be read"):
        contents.look(host, API)


def test_a_package_is_named_as_other_tools_name_it() -> None:
    lines = "os debian 13\ndeb libc6 2.41-12+deb13u1 amd64\npypi Argon2_CFFI 25.1.0\n"
    inside = contents.look(FakeHost().answers("docker", "run", out=lines), API)
    bill = contents.bill(API, inside)
    urls = [each["purl"] for each in bill["components"]]  # type: ignore[attr-defined]
    assert urls == [
        "pkg:deb/debian/libc6@2.41-12%2Bdeb13u1?arch=amd64&distro=debian-13",
        "pkg:pypi/argon2-cffi@25.1.0",
    ]
