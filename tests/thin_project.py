"""A project made from the kit whose ./inv works at once: its packages are those of these tests."""

import hashlib
import os
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

# Python as the launcher finds it: where it would have pip fill .venv, `lend` does.
PYTHON = """#!/bin/sh
case ${{3-}} in
    *bootstrap*)
        [ ! -e "$HOME/offline" ] || {{ echo 'inv: the package index does not answer' >&2; exit 3; }}
        exec {python} -I {here} "$4" "$5" "$6"
        ;;
esac
exec {python} "$@"
"""
# Wheels, unpacked and compiled once for all projects of a run.
UNPACKED = TemporaryDirectory(prefix="slipway-unpacked-")
IDENTITY = "[user]\n\tname = T\n\temail = t@example.org\n"
NEVER = ("GIT_", "PIP_", "PYTHON", "SOPS_", "XDG_")


class ThinProject:
    """A project, and who works in it: a home of their own, and a PATH with that Python."""

    def __init__(self, root: Path, home: Path) -> None:
        self.root = root
        self.home = home
        (home / "bin").mkdir(parents=True, exist_ok=True)
        shim = home / "bin" / "python3"
        shim.write_text(PYTHON.format(python=sys.executable, here=Path(__file__)))
        shim.chmod(0o755)
        (home / ".gitconfig").write_text(IDENTITY)

    def environment(self) -> dict[str, str]:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(NEVER)}
        path = f"{self.home / 'bin'}:{Path(sys.executable).parent}:{inherited['PATH']}"
        return {**inherited, "HOME": str(self.home), "PATH": path, "UNPACKED": UNPACKED.name}

    def inv(self, *words: str, code: int = 0) -> str:
        """Run ./inv, which has to end with a code; return what it printed."""
        outcome = subprocess.run(
            [str(self.root / "inv"), *words],
            cwd=self.root,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert outcome.returncode == code, f"{words}: {outcome.returncode}\n{outcome.stdout}"
        return outcome.stdout

    def git(self, *words: str) -> str:
        argv = ["git", "-C", str(self.root), *words]
        env = self.environment()
        return subprocess.run(argv, env=env, check=True, capture_output=True, text=True).stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")

    def path(self, name: str) -> Path:
        return self.root / name

    def replace(self, name: str, old: str, new: str) -> None:
        text = self.path(name).read_text()
        assert old in text, name
        self.path(name).write_text(text.replace(old, new, 1))

    def files(self) -> dict[str, bytes]:
        """All that git sees, and what it holds."""
        listed = self.git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
        names = sorted(filter(None, listed.split("\0")))
        return {name: self.path(name).read_bytes() for name in names if self.path(name).is_file()}


def lend(wheel: Path, root: Path, stamp: str) -> None:
    """Make .venv of a wheel and of the packages that this Python has."""
    engine = Path(os.environ["UNPACKED"]) / hashlib.sha256(wheel.read_bytes()).hexdigest()
    if not engine.exists():
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(engine)
    venv = root / ".venv"
    shutil.rmtree(venv, ignore_errors=True)
    site = venv / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    site.mkdir(parents=True)
    (site / "lent.pth").write_text(f"{engine}\n{sysconfig.get_path('purelib')}\n")
    python = Path(sys.executable).resolve()
    (venv / "pyvenv.cfg").write_text(f"home = {python.parent}\n")
    (venv / "bin").mkdir()
    (venv / "bin" / "python").symlink_to(python)
    start = f'#!/bin/sh\ncd {root} && exec .venv/bin/python -I -m slipway_tasks.program "$@"\n'
    (venv / "bin" / "inv").write_text(start)
    (venv / "bin" / "inv").chmod(0o755)
    (venv / "stamp").write_text(f"{stamp}\n")


if __name__ == "__main__":
    lend(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
