"""`python -m benchmarks --name=list`: measure claims and write docs/benchmarks.md."""

import argparse
import sys
from collections.abc import Callable

from benchmarks import backup, deploys, listing, migrations, physical, restore, section
from benchmarks.section import Section

CLAIMS: dict[str, Callable[[], list[Section]]] = {
    "list": lambda: [listing.measure()],
    "deploy": deploys.measure,
    "migrations": migrations.measure,
    "backup": backup.measure,
    "restore": restore.measure,
    "physical": physical.measure,
}


def main() -> int:
    """Measure; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--name", choices=sorted(CLAIMS), help="One claim instead of all.")
    given = parser.parse_args()
    met = True
    for name, measure in CLAIMS.items():
        if given.name in (None, name):
            for found in measure():
                section.write(found)
                sys.stdout.write(f"{found.to_markdown()}\n\n")
                met = met and found.met
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
