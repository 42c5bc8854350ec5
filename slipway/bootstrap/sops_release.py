"""A release of sops: fetched from upstream where there is none, told by the sum that is known."""

import hashlib
import os
import re
import time
import urllib.error
import urllib.request
from pathlib import Path

from slipway import whole_file
from slipway.errors import Refused, first_line
from slipway.hosts.host import MINUTES
from slipway.hosts.local import LocalHost
from slipway.secrets import programs
from slipway.secrets.programs import Release, Sops, UntrustedProgram

DOWNLOADS = "https://github.com/getsops/sops/releases/download"
OLDEST_STAND_IN = (3, 11)  # older ones read our files in another way
SILENCE = 10.0  # seconds
LONGEST = 5 * MINUTES
LARGEST = 200_000_000  # bytes
CHUNK = 1 << 20


def ensure(downloads: str = DOWNLOADS) -> str:
    """Fetch a release where there is none; return which sops is used, and what that means.

    Where it cannot be fetched a stand-in does for dev and testing.
    """
    present = programs.find_sops()
    if present.version:
        return f"sops {present.version}, a release of upstream's"
    release = programs.newest()
    if release is None:
        return _stand_in(present, "upstream has no release for this computer")
    try:
        fetch(release, downloads)
    except (OSError, urllib.error.URLError) as error:
        reason = getattr(error, "reason", error)
        reason = first_line(getattr(reason, "strerror", None) or reason)
        return _stand_in(present, f"upstream's {release.version} could not be fetched: {reason}")
    return f"fetched sops {release.version}, a release of upstream's"


def fetch(release: Release, downloads: str = DOWNLOADS) -> Path:
    """Put a release in place for this checkout. Raises OSError; UntrustedProgram for another."""
    target = programs.FETCHED
    target.parent.mkdir(parents=True, exist_ok=True)
    url = f"{downloads}/v{release.version}/{release.file}"
    digest, size, until = hashlib.sha256(), 0, time.monotonic() + LONGEST
    with (
        urllib.request.urlopen(url, timeout=SILENCE) as answer,  # noqa: S310  https, or a test's own
        whole_file.draft(target, mode=0o755) as draft,
    ):
        with draft.open("wb") as file:
            while chunk := answer.read(CHUNK):
                size += len(chunk)
                if size > LARGEST or time.monotonic() > until:
                    raise OSError("it is too large or too slow")
                digest.update(chunk)
                file.write(chunk)
        if digest.hexdigest() != release.sum:
            raise UntrustedProgram(
                f"what {url} sent is not {release.file}: its SHA-256 is {digest.hexdigest()}; it "
                "was thrown away. Find out who answers there before you go on"
            )
    return target


def _stand_in(sops: Sops, why: str) -> str:
    """Refuse one that is too old for our files; say of another what it is good for."""
    env = {"PATH": os.environ.get("PATH", os.defpath), "SOPS_DISABLE_VERSION_CHECK": "1"}
    result = LocalHost(env=env).run([sops.path, "--version"], timeout=20, check=False)
    version = re.search(r"(\d+)\.(\d+)\.\d+", result.out)
    if not version or (int(version[1]), int(version[2])) < OLDEST_STAND_IN:
        text = version[0] if version else "of unknown version"
        raise Refused(
            f"{sops.path} is sops {text}, and 3.11 or newer is needed; "
            "update it, or remove it and the one in .venv is used"
        )
    return (
        f"sops {version[0]} stands in for a release ({why}); it is not given the secrets of "
        f"staging and prod unless they say {programs.SETTING}=on"
    )
