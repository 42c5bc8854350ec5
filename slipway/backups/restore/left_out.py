"""What a restore leaves out of a dump: what two databases must not share, what a role may not."""

import re
from collections.abc import Collection, Sequence

from slipway.backups.format.toc import ENTRY
from slipway.backups.restore.local_dump import LocalDump
from slipway.progress import Reporter

SUBSCRIPTION = "SUBSCRIPTION - "
PUBLICATION = "PUBLICATION - "
# What only a superuser may make, and a database does without.
SUPERUSERS = re.compile(r"COMMENT - EXTENSION |EVENT TRIGGER |PUBLICATION TABLES IN SCHEMA ")
OF_ALL = "FOR ALL TABLES"


def without(dump: LocalDump, reporter: Reporter, *, is_super: bool) -> list[str] | None:
    """Return the entries to restore, noting what is left out; None where that is nothing."""
    numbers: set[int] = set()
    for line in dump.entries:
        number, rest = split(line)
        if rest.startswith(SUBSCRIPTION):
            name = rest.removeprefix(SUBSCRIPTION).rpartition(" ")[0]
            # It would lie there disabled, with the live one's slot on the publisher: enabled it
            # would take the live one's rows, and dropped its slot.
            reporter.note(
                f"left out: the subscription {name}, whose slot on the publisher two databases "
                "cannot share; where this one is to receive the rows, create it there "
                f"(create subscription {name} …)"
            )
        elif not is_super and _is_superusers(dump, line, rest):
            reporter.note(f"left out, it needs a superuser: {rest}")
        else:
            continue
        numbers.add(number)
    if not numbers:
        return None
    return [line for line in dump.entries if not _is_of(dump, line, numbers)]


def split(line: str) -> tuple[int, str]:
    """Return the number of an entry, and what it is: `TABLE public people ada`."""
    entry = ENTRY.match(line)
    return (int(entry["number"]), entry["rest"].strip()) if entry else (0, line)


def _is_superusers(dump: LocalDump, line: str, rest: str) -> bool:
    """Whether only a superuser may make it; of a publication its SQL alone says so."""
    if rest.startswith(PUBLICATION):
        return OF_ALL in dump.sql(entries=[line])
    return SUPERUSERS.match(rest) is not None


def _is_of(dump: LocalDump, line: str, numbers: Collection[int]) -> bool:
    """Whether an entry is one of these, or a comment or label on one."""
    number, rest = split(line)
    needs: Sequence[int] = dump.needs.get(number, ())
    is_remark = rest.startswith(("COMMENT - ", "SECURITY LABEL - "))
    return number in numbers or (is_remark and not set(needs).isdisjoint(numbers))
