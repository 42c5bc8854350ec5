"""Make .venv from requirements.lock; run by ./inv with any Python >= 3.11 and nothing installed.

What only tests need is in requirements-dev.lock and added when it is first needed: see `add`.
"""

import contextlib
import fcntl
import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import sysconfig
import time
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO, NoReturn
from zipfile import ZipFile

REFUSED = 3
INTERRUPTED = 130
MB = 1024 * 1024
# Free space wanted for each list: its packages installed, and their downloads meanwhile.
LOCK, DEV_LOCK = "requirements.lock", "requirements-dev.lock"
NEEDED = {LOCK: 300 * MB, DEV_LOCK: 500 * MB}
BEGUN = "begun "

# What pip's last words mean, the first match counts.
SENTENCES = (
    (
        r"No space left on device|Errno 28",
        "the disk is full; free some hundred MB and run this again",
    ),
    (
        r"DO NOT MATCH THE HASHES",
        "a downloaded package is not the one {lock} names; look at {log}",
    ),
    (
        r"NewConnectionError|name resolution|Max retries|timed out|ConnectionError|SSLError"
        + "|No matching distribution|CERTIFICATE_VERIFY",
        "the package index does not answer or lacks a package; check the network and "
        + "`pip config list`, then run this again; details in {log}",
    ),
)


class Refused(Exception):
    """Stopped; the text says why and what to type."""


def main(root: Path, stamp: str | None) -> int:
    """Make .venv unless somebody else just did, or without a stamp add to it; return the code."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    try:
        with _locked(root):
            if stamp is None:
                add(root)
            elif _stamp(root / ".venv") != stamp:
                make(root, stamp)
    except Refused as refusal:
        _say(str(refusal))
        return REFUSED
    except OSError as error:
        _say(
            f"cannot write {error.filename or root}: {error.strerror}; fix that and run this again"
        )
        return REFUSED
    except KeyboardInterrupt:
        _say("interrupted; the next start begins from scratch")
        return INTERRUPTED
    return 0


def make(root: Path, stamp: str) -> None:
    """Make .venv beside the old one; on any failure the old one is put back.

    The old one stays as .venv.old, so that going back to its lock needs no package index.
    """
    venv, old = root / ".venv", root / ".venv.old"
    if _stamp(venv) != stamp == _stamp(old):
        _remove(venv)
        old.rename(venv)
        return
    python = os.path.realpath(sys.executable)  # /usr/bin/python3.11: its absence is noticed later
    _check_disk(root, LOCK)
    _ensure_venv_module()
    started = time.monotonic()
    if _stamp(venv):
        _remove(old)
        venv.rename(old)
    _remove(venv)
    _say(f"making .venv with Python {sys.version.split()[0]} from {LOCK}")
    try:
        _make_empty(root, python)
        _install(root, LOCK)
        _check_complete(root)
        _write(venv / "stamp", stamp)
    except BaseException:
        _remove(venv)
        if old.exists():
            old.rename(venv)
        raise
    _say(f".venv is ready ({time.monotonic() - started:.0f} s)")


def add(root: Path) -> None:
    """Add what tests need to .venv; nothing that a command of a user needs is touched.

    The list holds only packages that requirements.lock has not. They are written over whatever an
    interrupted start left of them, and the mark that they are all there is written last.
    """
    mark = root / ".venv" / "dev"
    digest = hashlib.sha256((root / DEV_LOCK).read_bytes()).hexdigest()
    present = _read(mark)
    if present == digest:
        return
    stamp = _stamp(root / ".venv")
    if not stamp:
        raise Refused("there is no .venv to add to; run ./inv once")
    _check_disk(root, DEV_LOCK)
    if present not in ("", BEGUN + digest):
        make(root, stamp)  # packages of another list lie there
    started = time.monotonic()
    _say(f"adding to .venv what tests need, from {DEV_LOCK}")
    _write(mark, BEGUN + digest)
    _install(root, DEV_LOCK, "--no-deps", "--ignore-installed")
    _write(mark, digest)
    _say(f".venv is ready for tests ({time.monotonic() - started:.0f} s)")


def _make_empty(root: Path, python: str) -> None:
    """Make a .venv that has pip alone.

    Where Python's wheel of pip is known, it is unpacked: ensurepip would take 4 s to install it.
    """
    venv, wheel = root / ".venv", pip_wheel()
    options = ["--without-pip"] if wheel else []
    _run(root, [python, "-I", "-m", "venv", *options, str(venv)], LOCK)
    if wheel:
        with ZipFile(wheel) as file:
            file.extractall(sysconfig.get_path("purelib", "venv", {"base": str(venv)}))


def pip_wheel() -> Path | None:
    """Return the wheel of pip that came with this Python, from where ensurepip takes it."""
    spec = find_spec("ensurepip")
    bundled = spec and spec.origin and Path(spec.origin).with_name("_bundled")
    for folder in (sysconfig.get_config_var("WHEEL_PKG_DIR"), bundled):
        for wheel in sorted(Path(folder).glob("pip-*.whl")) if folder else []:
            return wheel
    return None


def _install(root: Path, lock: str, *options: str) -> None:
    # Isolated from PYTHON*, and from settings of pip that would put packages elsewhere.
    pip = [str(root / ".venv" / "bin" / "python"), "-I", "-m", "pip", "install"]
    here = ["--no-user", "--target=", f"--prefix={root / '.venv'}", "--root=/"]
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--retries=2"]
    hashed = ["--require-hashes", "--requirement", str(root / lock)]
    # Most modules are never imported; Python compiles those that are.
    as_they_are = ["--only-binary=:all:", "--no-compile"]
    _run(root, [*pip, *as_they_are, *here, *quiet, *options, *hashed], lock)


def _check_complete(root: Path) -> None:
    """Find before the stamp is written that pip ended well and the packages are elsewhere."""
    if os.access(root / ".venv" / "bin" / "inv", os.X_OK):
        return
    names = sorted(name for name in os.environ if name.startswith("PIP_"))
    raise Refused(
        "pip put nothing into .venv; look for a setting of it that says so (`pip config list`; "
        f"set here: {', '.join(names) or 'no PIP_*'}), then run this again"
    )


def _run(root: Path, argv: Sequence[str], lock: str) -> None:
    log = root / ".slipway" / "venv.log"
    with log.open("wb") as output:
        code = _wait(root, argv, output)
    if code == 0:
        return
    text = log.read_text(errors="replace")
    for pattern, sentence in SENTENCES:
        if re.search(pattern, text):
            raise Refused(sentence.format(log=log, lock=lock))
    last = [line for line in text.splitlines() if line.strip()][-1:] or ["no message"]
    raise Refused(f"`{' '.join(argv[1:5])}` failed: {last[0]}; details in {log}")


def _wait(root: Path, argv: Sequence[str], output: BinaryIO) -> int:
    child_env, none = _environment(argv), subprocess.DEVNULL
    # In the project: its lock may name a wheel there.
    process = subprocess.Popen(
        argv, cwd=root, env=child_env, stdin=none, stdout=output, stderr=output
    )
    try:
        return process.wait()
    finally:
        if process.poll() is None:  # interrupted: the child may not have been told
            process.terminate()
            process.wait()


def _environment(argv: Sequence[str]) -> dict[str, str]:
    # Nothing leads to the project yet: this file is started by its path, and isolated.
    sys.path.append(str(Path(__file__).resolve().parents[2]))
    from slipway import child_environment

    return child_environment.made(argv[0])


def _check_disk(root: Path, lock: str) -> None:
    free = shutil.disk_usage(root).free
    if free < NEEDED[lock]:
        raise Refused(
            f"only {free // MB} MB are free on the disk of {root}; "
            f"free {NEEDED[lock] // MB} MB and run this again"
        )


def _ensure_venv_module() -> None:
    """Debian ships Python without it; apt has it."""
    if find_spec("ensurepip") and find_spec("venv"):
        return
    package = f"python3.{sys.version_info.minor}-venv"
    if not shutil.which("apt-get"):
        raise Refused("this Python has no venv module; install one that has and run this again")
    if os.geteuid() != 0:
        raise Refused(f"Python's venv module is missing; type: sudo apt-get install -y {package}")
    _say(f"installing {package} through apt")
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", package]
    environment = {**_environment(install), "DEBIAN_FRONTEND": "noninteractive"}
    update = ["apt-get", "update", "-q"]
    subprocess.run(update, capture_output=True, env=environment, check=False)
    result = subprocess.run(install, capture_output=True, text=True, env=environment, check=False)
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:] or ["no message"]
        raise Refused(f"`{' '.join(install)}` failed: {last[0]}")


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    """Hold the lock; the kernel lets go of it whatever happens to us."""
    state = root / ".slipway"
    state.mkdir(exist_ok=True)
    with (state / "venv.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            _say("another start is making .venv; waiting for it")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _stamp(venv: Path) -> str:
    stamp = _read(venv / "stamp")
    programs = [venv / "bin" / name for name in ("python", "inv")]
    return stamp if all(os.access(each, os.X_OK) for each in programs) else ""


def _read(path: Path) -> str:
    try:
        return path.read_text().rstrip("\n")
    except OSError:
        return ""


def _write(path: Path, text: str) -> None:
    """Write a line at once or not at all."""
    draft = path.with_name(f"{path.name}.draft")
    draft.write_text(f"{text}\n")
    draft.replace(path)


def _remove(folder: Path) -> None:
    if folder.is_symlink() or folder.is_file():
        folder.unlink()
    elif folder.exists():
        (folder / "stamp").unlink(missing_ok=True)  # what is half removed is no .venv
        shutil.rmtree(folder)


def _interrupt(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    sys.stderr.write(f"inv: {text}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else None))
