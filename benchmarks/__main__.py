"""`python -m benchmarks --name=list`: measure claims and write docs/benchmarks.md."""

import argparse
import shutil
import sys
from importlib import import_module

from benchmarks import CLAIMS, section
from benchmarks.section import Section
from tests.integration.docker_sandbox import sweep_images


def main() -> int:
    """Measure; 1 when a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--name", choices=sorted(CLAIMS), help="One claim instead of all.")
    given = parser.parse_args()
    met = True
    try:
        for name, module in CLAIMS.items():
            if given.name in (None, name):
                sections: list[Section] = import_module(f"benchmarks.{module}").measure()
                for found in sections:
                    section.write(found)
                    sys.stdout.write(f"{found.to_markdown()}\n\n")
                    met = met and found.met
    finally:
        if shutil.which("docker"):
            sweep_images()
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
