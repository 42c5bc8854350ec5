"""A small copy of the project that needs two made-up packages, to run ./inv in for real."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
INVOKE = {
    "invoke/__init__.py": "def main(): pass",
    "invoke/_version.py": "__version__ = '1.0'",
    "invoke/config.py": "class Config: pass",
    "invoke/program.py": (
        "import os, sys\nclass Program:\n def __init__(self, **more): pass\n def run(self):\n"
        "  print(os.getcwd(), *sys.argv[1:])\n  sys.exit(7)"
    ),
}
CHECKER = "def main():\n print('checked', end='')"


class Project:
    """A folder with the launcher, two locks, and a folder of wheels as its whole package index."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.index = root.parent / "index"
        (root / "slipway" / "bootstrap").mkdir(parents=True)
        (root / "tasks").mkdir()
        self.index.mkdir()
        shutil.copy2(ROOT / "inv", root)
        shutil.copy(ROOT / "slipway" / "bootstrap" / "venv.py", root / "slipway" / "bootstrap")
        for name in ("child_environment.py", "secret_signs.py", "version.py"):
            shutil.copy(ROOT / "slipway" / name, root / "slipway")
        shutil.copy(ROOT / "tasks" / "program.py", root / "tasks")
        self.wheel("invoke", "1.0", INVOKE, script="inv")
        for version in ("1.0", "2.0"):
            text = f"VERSION = {version!r}\n{CHECKER}"
            self.wheel("checker", version, {"checker.py": text}, script="checker")
        self.lock()
        self.lock_dev()

    def wheel(self, name: str, version: str, modules: Mapping[str, str], script: str) -> None:
        info = f"{name}-{version}.dist-info"
        files = {
            **modules,
            f"only_in_{version.replace('.', '_')}.py": "",
            f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
            f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
            f"{info}/entry_points.txt": f"[console_scripts]\n{script} = {name}:main\n",
            f"{info}/RECORD": "",
        }
        with zipfile.ZipFile(self.wheel_path(name, version), "w") as wheel:
            for path, content in files.items():
                wheel.writestr(path, content)

    def wheel_path(self, name: str, version: str) -> Path:
        return self.index / f"{name}-{version}-py3-none-any.whl"

    def lock(self, comment: str = "", digest: str = "") -> None:
        """Name the packages that run."""
        self._lock("requirements.lock", "invoke", "1.0", comment, digest)

    def lock_dev(self, version: str = "1.0", digest: str = "") -> None:
        """Name the packages that tests need besides."""
        self._lock("requirements-dev.lock", "checker", version, "", digest)

    def _lock(self, file: str, name: str, version: str, comment: str, digest: str) -> None:
        content = self.wheel_path(name, version).read_bytes()
        digest = digest or hashlib.sha256(content).hexdigest()
        text = f"# {comment}\n{name}=={version} --hash=sha256:{digest}\n"
        (self.root / file).write_text(text)

    @property
    def packages(self) -> Path:
        (folder,) = self.root.glob(".venv/lib/python3.*/site-packages")
        return folder

    def start_adding(self) -> "subprocess.Popen[str]":
        """Ask for what tests need, as `inv test` does."""
        script = self.root / "slipway" / "bootstrap" / "venv.py"
        return subprocess.Popen(
            [str(self.root / ".venv" / "bin" / "python"), "-I", str(script), str(self.root)],
            env=self.environment(),
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def add(self) -> "tuple[int, str]":
        adding = self.start_adding()
        said = adding.communicate(timeout=90)[1]
        return adding.returncode, said

    def check(self) -> str:
        """Return what the test program prints; it is in .venv/bin, where people look for it."""
        program = str(self.root / ".venv" / "bin" / "checker")
        return subprocess.run([program], capture_output=True, text=True, check=True).stdout

    def environment(self, **more: str) -> dict[str, str]:
        path = f"{Path(sys.executable).resolve().parent}:{os.environ['PATH']}"
        kept = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        index = {
            "PIP_NO_INDEX": "1",
            "PIP_FIND_LINKS": str(self.index),
            "PIP_CONFIG_FILE": os.devnull,
        }
        return {**kept, "PATH": path, **index, **more}

    def inv(self, *args: str, **env: str) -> "subprocess.CompletedProcess[str]":
        argv = [str(self.root / "inv"), *args]
        return subprocess.run(
            argv,
            env=self.environment(**env),
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    def start(self) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [str(self.root / "inv")],
            env=self.environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
