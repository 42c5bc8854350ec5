"""A length of time as people write it: 90s, 30m, 2h."""

import re

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 24 * 3600}
LENGTH = re.compile(r"(\d{1,5})([smhd])")


def seconds(text: str) -> int:
    """Read a length of time: 90s, 30m, 2h. Returns 0 for what is none."""
    match = LENGTH.fullmatch(text)
    return int(match[1]) * UNITS[match[2]] if match else 0
