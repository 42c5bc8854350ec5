"""What is words of a statement: the lock it takes, the risk it is, and the safe way to do it.

Rules that squawk also has bear squawk's names, so that one comment allows both.
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass, field


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


@dataclass
class KnownSchema:
    """What the statements before this one have made; nobody uses it yet, so nobody waits for it."""

    major: int
    in_transaction: bool = True
    tables: set[str] = field(default_factory=set)
    types: set[str] = field(default_factory=set)
    checks: dict[tuple[str, str], str] = field(default_factory=dict)
    validated: set[tuple[str, str]] = field(default_factory=set)
    not_valid: set[str] = field(default_factory=set)
    values: set[str] = field(default_factory=set)
    altered: set[str] = field(default_factory=set)

    def begin_file(self, in_transaction: bool) -> None:
        """Forget what holds for one transaction only."""
        self.in_transaction = in_transaction
        self.not_valid, self.values, self.altered = set(), set(), set()


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


def named(words: Sequence[str]) -> tuple[str, Sequence[str]]:
    """Read a table's or type's name where the words begin with it; return what follows too."""
    skipped = {"IF", "NOT", "EXISTS", "ONLY", "TABLE", "CONCURRENTLY"}
    at = 0
    while at < len(words) and words[at] in skipped:
        at += 1
    parts = [plain(word) for word in words[at : at + 1]]
    at += 1
    while at + 1 < len(words) and words[at] == ".":
        parts.append(plain(words[at + 1]))
        at += 2
    if parts[:1] == ["public"] and len(parts) > 1:
        del parts[0]
    return ".".join(parts), words[at + 1 if words[at : at + 1] == ("*",) else at :]


def all_named(words: Sequence[str]) -> set[str]:
    """Read names with commas between them."""
    name, rest = named(words)
    return {name} | (all_named(rest[1:]) if rest[:1] == (",",) else set())


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


def plain(word: str) -> str:
    """Read a name as PostgreSQL does: small letters, unless it is quoted."""
    return word[1:-1].replace('""', '"') if word.startswith('"') else word.lower()


def has(words: Sequence[str], *phrase: str) -> bool:
    """Whether the words stand there one after the other."""
    size = len(phrase)
    return any(tuple(words[at : at + size]) == phrase for at in range(len(words)))
