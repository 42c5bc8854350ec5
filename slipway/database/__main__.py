"""What runs inside the environment: `python -m slipway.database migrate|revert|status`."""

import argparse
import sys
from pathlib import Path

from slipway.database import migrations
from slipway.database.connection import connect
from slipway.errors import SlipwayError


def main() -> int:
    """Run one verb on the environment's database; return the exit code."""
    parser = argparse.ArgumentParser(prog="slipway.database")
    parser.add_argument("verb", choices=["migrate", "revert", "status"])
    parser.add_argument("--folder", type=Path, default=Path("migrations"))
    parser.add_argument("--steps", type=int, default=1)
    given = parser.parse_args()
    try:
        files = migrations.read(given.folder)
        with connect() as connection:
            if given.verb == "migrate":
                count = migrations.apply(connection, files, _say)
                _say(f"{count} applied" if count else "nothing pending")
            elif given.verb == "revert":
                migrations.revert(connection, files, given.steps, _say)
            else:
                done = set(migrations.applied(connection))
                for one in files:
                    state = "applied" if one.version in done else "pending"
                    _say(f"{state}  {one.version}_{one.name}")
    except SlipwayError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
