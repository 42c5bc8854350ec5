"""Where things lie in the project's folder."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COMPOSE = ROOT / "compose"
SECRETS = ROOT / "secrets"
STATE = ROOT / ".slipway"  # what this computer knows for itself; git-ignored
PROGRAMS = STATE / "programs"  # what was fetched for this checkout, as a release of sops
LENT_ENGINE = "SLIPWAY_ENGINE"  # set where `docker` talks to a machine and not to this computer
