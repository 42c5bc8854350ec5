"""The packages that only tests, types and benchmarks need: added to .venv when first needed."""

import sys
from pathlib import Path

from slipway.bootstrap import venv
from slipway.hosts.local import LocalHost
from slipway.project import ROOT


def add(root: Path = ROOT) -> int:
    """Add them to the project's own .venv; return the exit code, after one sentence if it failed.

    A Python that is not of .venv was chosen by somebody and is left as it is; a project that was
    made from the kit has none.
    """
    if not (root / venv.DEV_LOCK).exists():
        return 0
    if Path(sys.prefix).resolve() != root / ".venv":
        return 0
    return LocalHost().attach([sys.executable, "-I", str(Path(venv.__file__)), str(root)])
