"""Whether a locked package has a fault that is published: pip-audit asks the package index."""

import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.errors import SlipwayError, last_line
from slipway.hosts.host import MINUTES, Host
from slipway.hosts.local import LocalHost
from slipway.project import ROOT

LOCKS = ("requirements.lock", "requirements-dev.lock", "compose/*/requirements.txt")
PROBE = "pip==20.0" + " --hash=sha256:" + "0" * 64  # has published faults; nothing is installed
# Faults that do not touch us, each with its reason; looked at anew with each refresh of the locks.
ACCEPTED: Mapping[str, str] = {}


@dataclass(frozen=True)
class Package:
    """What is known of a locked package: its published faults, or why nobody knows."""

    name: str
    faults: tuple[str, ...] = ()
    unknown: str = ""


def ask(locks: Iterable[Path], host: Host) -> list[Package]:
    """Ask of every package in these locks. Raises SlipwayError where there is no answer at all."""
    words = [word for lock in locks for word in ("--requirement", str(lock))]
    program = str(Path(sys.executable).with_name("pip-audit"))
    argv = [program, "--disable-pip", "--require-hashes", "--format=json", "--progress-spinner=off"]
    result = host.run([*argv, *words], timeout=10 * MINUTES, check=False)
    try:
        entries = json.loads(result.out)["dependencies"]
        return [_package(each) for each in entries]
    except (ValueError, LookupError, TypeError):
        raise SlipwayError(f"pip-audit gave no answer: {last_line(result.err)}") from None


def why_not(host: Host | None = None) -> str:
    """Say why published faults cannot be looked up here, or nothing: an old package has some."""
    with TemporaryDirectory() as folder:
        probe = Path(folder, "probe.txt")
        probe.write_text(f"{PROBE}\n")
        try:
            answers = ask([probe], host or LocalHost())
        except SlipwayError as error:
            return str(error)
    reasons = [each.unknown for each in answers if each.unknown]
    if reasons or not any(each.faults for each in answers):
        why = reasons[0] if reasons else "it knows none of an old package"
        return f"the package index tells nothing of published faults: {why}"
    return ""


def main(host: Host | None = None) -> int:
    """Name every locked package with a published fault; return the exit code."""
    locks = [path for pattern in LOCKS for path in sorted(ROOT.glob(pattern))]
    packages = ask(locks, host or LocalHost(cwd=ROOT))
    lines = [f"{each.name}: nothing is known: {each.unknown}" for each in packages if each.unknown]
    lines += [f"{each.name}: {fault}" for each in packages for fault in each.faults]
    for line in lines or [f"{len(packages)} packages: no published fault"]:
        sys.stdout.write(f"{line}\n")
    return 1 if lines else 0


def _package(entry: Mapping[str, object]) -> Package:
    name = f"{entry['name']} {entry.get('version', '')}".strip()
    if reason := entry.get("skip_reason"):
        return Package(name, unknown=str(reason))
    faults = entry.get("vulns")
    listed = faults if isinstance(faults, list) else []
    return Package(name, tuple(_fault(each) for each in listed if each["id"] not in ACCEPTED))


def _fault(entry: Mapping[str, object]) -> str:
    fixed = entry.get("fix_versions")
    versions = ", ".join(map(str, fixed)) if isinstance(fixed, list) and fixed else "none yet"
    return f"{entry['id']}, mended in {versions}"


if __name__ == "__main__":
    sys.exit(main())
