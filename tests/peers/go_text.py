"""Strings of Go's source, as far as tables of tests have them."""

import json
import re

STRING = r'(?:`[^`]*`|"(?:[^"\\\n]|\\.)*")'
GO_ALONE = re.compile(r"\\(?:a|v|x([0-9a-fA-F]{2})|(.))")


def value(literal: str) -> str:
    """Return what a string in backticks or quotes says."""
    if literal.startswith("`"):
        return literal[1:-1].replace("\r", "")
    return str(json.loads(GO_ALONE.sub(_as_json, literal)))


def _as_json(escape: re.Match[str]) -> str:
    """Write an escape that JSON lacks as one that it has."""
    if escape[0] in (r"\a", r"\v"):
        return {r"\a": r"\u0007", r"\v": r"\u000b"}[escape[0]]
    return rf"\u00{escape[1]}" if escape[1] else escape[0]
