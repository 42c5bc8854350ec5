"""What a restore leaves out of a dump: what two databases must not share, what a role may not."""

from slipway.backups.format import toc
from slipway.backups.format.toc import Entry
from slipway.backups.restore.local_dump import LocalDump
from slipway.progress import Reporter

# What only a superuser may make, and a database does without.
SUPERUSERS = ("EVENT TRIGGER", "PUBLICATION TABLES IN SCHEMA")
ON_EXTENSION = "- EXTENSION "  # a comment; the extension is restored
OF_ALL = "FOR ALL TABLES"
REMARKS = ("COMMENT", "SECURITY LABEL")


def without(dump: LocalDump, reporter: Reporter, *, is_super: bool) -> list[str] | None:
    """Return the entries to restore, noting what is left out; None where that is nothing."""
    contents = toc.parse(dump.entries, dump.needs)
    numbers: set[int] = set()
    for entry in contents:
        if entry.kind == "SUBSCRIPTION":
            reporter.note(_describe_subscription(entry.name.removeprefix("- ")))
            numbers.add(entry.number)
        elif not is_super and _is_superusers(dump, entry):
            reporter.note(f"left out, it needs a superuser: {entry}")
            numbers.add(entry.number)
    if not numbers:
        return None
    remarks = {e.number for e in contents if e.kind in REMARKS and not e.needs.isdisjoint(numbers)}
    return [entry.line for entry in contents if entry.number not in numbers | remarks]


def _describe_subscription(name: str) -> str:
    """Say why it is left out: it would lie there disabled, with the live one's slot.

    Enabled it would take the live one's rows, and dropped its slot.
    """
    return (
        f"left out: the subscription {name}, whose slot on the publisher two databases cannot "
        f"share; where this one is to receive the rows, create it there (create subscription)"
    )


def _is_superusers(dump: LocalDump, entry: Entry) -> bool:
    """Whether only a superuser may make it; of a publication its SQL alone says so."""
    if entry.kind == "PUBLICATION":
        return OF_ALL in dump.sql(entries=[entry.line])
    is_on_extension = entry.kind in REMARKS and entry.name.startswith(ON_EXTENSION)
    return entry.kind in SUPERUSERS or is_on_extension
