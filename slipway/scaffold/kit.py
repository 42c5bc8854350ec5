"""Where the kit's own files lie, beside the engine or in its wheel, and how that wheel is made."""

import hashlib
import os
import shutil
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.errors import ConfigError, SlipwayError, UsageError, last_line
from slipway.hosts.git import at
from slipway.hosts.local import LocalHost
from slipway.project import HERE, IS_THIN, ROOT

VENDOR = "vendor"
WHEEL = "slipway-*.whl"
EARLIEST = 315532800  # 1980, before which no zip can date a file


def files(engine: Path = HERE) -> Path:
    """Return the folder that holds the kit's runbooks, compose files and launcher."""
    packed = engine / "slipway_kit"
    return packed if packed.is_dir() else engine


def own_wheel(folder: Path) -> Path:
    """Put the wheel of this very version into a folder: that of a thin project, or a new one."""
    if not IS_THIN:
        return build(ROOT, folder)
    return Path(shutil.copy(vendored(ROOT), folder))


def build(checkout: Path, folder: Path) -> Path:
    """Make the wheel of a checkout of the kit; the same commit makes the same file.

    Raises SlipwayError with the last line of what hatchling says.
    """
    moment = at(checkout).run(["git", "log", "-1", "--format=%ct"], check=False).out.strip()
    env = {"PATH": os.environ.get("PATH", os.defpath), "SOURCE_DATE_EPOCH": moment or str(EARLIEST)}
    argv = [sys.executable, "-I", "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    result = LocalHost(env=env, cwd=checkout).run(argv, timeout=120, check=False)
    wheels = sorted(folder.glob(WHEEL))
    if result.code != 0 or not wheels:
        raise SlipwayError(f"the wheel of Slipway could not be built: {last_line(result.err)}")
    return wheels[-1]


def vendored(project: Path) -> Path:
    """Return the wheel that a thin project carries. Raises ConfigError unless there is one."""
    wheels = sorted((project / VENDOR).glob(WHEEL))
    if len(wheels) != 1:
        names = ", ".join(path.name for path in wheels) or "none"
        raise ConfigError(f"{VENDOR}/ must hold one wheel of Slipway, and holds {names}")
    return wheels[0]


def version_of(wheel: Path) -> str:
    """Return the version that a wheel's name says. Raises UsageError for another file."""
    words = wheel.name.removesuffix(".whl").split("-")
    if not wheel.name.endswith(".whl") or len(words) < 5 or words[0] != "slipway":
        raise UsageError(f"{wheel.name} is no wheel of Slipway (slipway-VERSION-py3-none-any.whl)")
    return words[1]


def lock_line(wheel: Path) -> str:
    """Return the line of requirements.lock that has pip install this very file."""
    digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
    return f"./{VENDOR}/{wheel.name} \\\n    --hash=sha256:{digest}\n"


@contextmanager
def unpacked(wheel: Path) -> Iterator[Path]:
    """Lend a folder with what a wheel holds. Raises UsageError for a file that is none."""
    with TemporaryDirectory(prefix="slipway-") as folder:
        try:
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(folder)
        except (zipfile.BadZipFile, OSError) as error:
            raise UsageError(f"{wheel} is no wheel: {error}") from None
        yield Path(folder)
