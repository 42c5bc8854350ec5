"""`python -m tests.load --url http://127.0.0.1:8080 --seconds 20`; ends early when stdin closes."""

import argparse
import asyncio
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.load.generator import Generator, LoadSpec
from tests.load.record import Record, Run


def main() -> int:
    """Make load, write the records down, say what they add up to; 1 when a request failed."""
    given = _parse()
    records: list[Record] = []
    wish = LoadSpec(given.url, given.rate, given.new, given.seconds, given.at_least, given.after)
    with given.records.open("w") as file:  # as they come: a test may count them

        def keep(record: Record) -> None:
            records.append(record)
            file.write(record.to_line())

        with suppress(KeyboardInterrupt):
            asyncio.run(_run(wish, keep, watch=given.until_closed))
    run = Run(records)
    sys.stdout.write(f"{run.summary()}\n")
    return 1 if run.failed else 0


async def _run(wish: LoadSpec, keep: Callable[[Record], None], *, watch: bool) -> None:
    generator = Generator(wish, keep)
    loop = asyncio.get_running_loop()

    def closed() -> None:
        loop.remove_reader(sys.stdin.fileno())
        generator.stop()

    if watch:  # a pipe that its owner closes, also by dying, ends the load
        loop.add_reader(sys.stdin.fileno(), closed)
    await generator.run()


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.load", description=__doc__)
    parser.add_argument(
        "--url", action="append", required=True, help="An edge, or a page of it; may be repeated."
    )
    parser.add_argument("--seconds", type=float, default=20, help="End after this time.")
    parser.add_argument("--rate", type=float, default=100, help="Requests a second on each url.")
    parser.add_argument("--new", type=float, default=0.3, help="Share with a new connection each.")
    parser.add_argument("--at-least", type=int, default=0, help="Go on until so many were sent.")
    parser.add_argument("--after", type=int, default=0, help="Send so many after stdin is closed.")
    parser.add_argument("--until-closed", action="store_true", help="End when stdin is closed.")
    parser.add_argument(
        "--records",
        type=Path,
        default=Path(os.devnull),
        help="Write one line for each request here.",
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
