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
    parser.add_argument("--machines", help="deploy: on how many, 1,3 by default.")
    parser.add_argument("--rounds", help="deploy: how often, 3 times by default.")
    parser.add_argument("--docker-rollout", help="deploy: the script of that plugin, beside ours.")
    parser.add_argument("--before", action="store_const", const="yes", help="deploy: 0.2.0 too.")
    given = parser.parse_args()
    options = {key: text for key, text in vars(given).items() if text and key != "name"}
    if options and given.name != "deploy":
        parser.error(f"--{next(iter(options)).replace('_', '-')} goes with --name=deploy")
    met = True
    try:
        for name, module in CLAIMS.items():
            if given.name in (None, name):
                claim = import_module(f"benchmarks.{module}")
                sections: list[Section] = claim.measure(**options)
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
