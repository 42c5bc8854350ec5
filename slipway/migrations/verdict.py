"""What is words of a statement: the lock it takes, the risk it is, and the safe way to do it.

Rules that squawk also has bear squawk's names, so that one comment allows both.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass


class Risk(enum.StrEnum):
    """How a statement goes with people at work; what is unsafe needs a comment that allows it."""

    SAFE = "safe"
    CAREFUL = "careful"
    UNSAFE = "unsafe"


@dataclass(frozen=True)
class Verdict:
    """One thing that a statement does; `rule` names what is wrong with it."""

    lock: str
    risk: Risk
    why: str
    rule: str = ""
    instead: str = ""
    is_new: bool = False  # what it is done to was made in the same run: nobody can be in the way


FULL = "ACCESS EXCLUSIVE"
BOTH = "SHARE ROW EXCLUSIVE on both tables"
MILD = "SHARE UPDATE EXCLUSIVE"
ROWS = "ROW EXCLUSIVE"
NO_LOCK = "none that anybody waits for"
SHORT = "changes the definition only, in a moment once it has the lock"
GONE = "the release that serves may still use it"
LATER = "drop it one release after the last that uses it, then allow it here"


def safe(lock: str, why: str) -> Verdict:
    """Say that nobody waits long."""
    return Verdict(lock, Risk.SAFE, why)


def unused(lock: str, why: str) -> Verdict:
    """Say that it is done to something that nobody can be using yet."""
    return Verdict(lock, Risk.SAFE, f"{why} that nobody uses yet", is_new=True)


def careful(rule: str, lock: str, why: str, instead: str) -> Verdict:
    """Say that it is well in most places, and when not."""
    return Verdict(lock, Risk.CAREFUL, why, rule, instead)


def unsafe(rule: str, lock: str, why: str, instead: str) -> Verdict:
    """Say that people at work would notice."""
    return Verdict(lock, Risk.UNSAFE, why, rule, instead)


def outer(words: Sequence[str]) -> list[str]:
    """Leave out what stands in parentheses."""
    words_outside = []
    depth = 0
    for word in words:
        depth -= word == ")"
        if depth <= 0:
            words_outside.append(word)
        depth += word == "("
    return words_outside


def has(words: Sequence[str], *phrase: str) -> bool:
    """Whether the words stand there one after the other."""
    size = len(phrase)
    return any(tuple(words[at : at + size]) == phrase for at in range(len(words)))
