"""Where things lie in the project's folder."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
# In a thin project the engine is a package in its .venv; in a checkout of the kit it lies beside.
IS_THIN = not (HERE / "inv").is_file()
ROOT = Path(sys.prefix).parent if IS_THIN else HERE
COMPOSE = ROOT / "compose"
SECRETS = ROOT / "secrets"
STATE = ROOT / ".slipway"  # what this computer knows for itself; git-ignored
PROGRAMS = STATE / "programs"  # what was fetched for this checkout, as a release of sops
LENT_ENGINE = "SLIPWAY_ENGINE"  # set where `docker` talks to a machine and not to this computer
