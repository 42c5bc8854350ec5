"""What is told of secrets: names, states and ages, and one value where it was asked for."""

from collections.abc import Sequence
from datetime import UTC, datetime

from slipway.secrets.history import Change
from slipway.secrets.overview import Entry
from slipway.secrets.secret import Secret
from slipway.show import table, writer

ENTRY = ("name", "environment", "state", "changed", "by", "age", "policy", "purpose")
CHANGE = ("at", "by", "commit", "what")


def overview(entries: Sequence[Entry], *, as_json: bool) -> None:
    """Print a row for each secret of each environment; a table without columns that say nothing."""
    rows = [_entry(each) for each in entries]
    idle = {"environment"} if len({each.environment for each in entries}) == 1 else set()
    idle |= {"policy"} if not any(row["policy"] for row in rows) else set()
    table.rows([name for name in ENTRY if name not in idle], rows, as_json=as_json)


def _entry(entry: Entry) -> table.Row:
    now, last, limit = datetime.now(UTC), entry.last, entry.rule.rotate
    age = entry.age(now)
    return {
        "name": entry.rule.key,
        "environment": entry.environment,
        "state": entry.state,
        "changed": f"{last.at:%Y-%m-%d}" if last else None,
        "by": last.author if last else None,
        "age": None if age is None else f"{age} d",
        "policy": ("overdue: " if entry.is_overdue(now) else "") + f"{limit} d" if limit else None,
        "purpose": entry.rule.help,
    }


def history(changes: Sequence[Change], nothing: str, *, as_json: bool = False) -> None:
    """Print a row for each change, or what it means that there is none."""
    if not changes and not as_json:
        writer.say(nothing)
    table.rows(CHANGE, [_change(each, as_json=as_json) for each in changes], as_json=as_json)


def _change(change: Change, *, as_json: bool) -> table.Row:
    parts = {"added": change.added, "changed": change.changed, "removed": change.removed}
    text = "; ".join(f"{word} {', '.join(names)}" for word, names in parts.items() if names)
    rekeyed = "all encrypted anew" if change.is_rekeyed else ""
    row: dict[str, object] = {
        "at": f"{change.at:%Y-%m-%d %H:%M}",
        "by": change.author,
        "commit": change.commit,
        "what": "; ".join(filter(None, (text, rekeyed))),
    }
    return row | {word: list(names) for word, names in parts.items()} if as_json else row


def names_apart(names: Sequence[tuple[str, str, str]], first: str, second: str) -> None:
    """Print the names of which one environment has a value and the other has none."""
    if not names:
        writer.say(f"{first} and {second} have values for the same names")
    columns = ("name", first, second)
    table.rows(columns, [dict(zip(columns, states, strict=True)) for states in names])


def value(secret: Secret) -> None:
    """Print a value; what a terminal would obey is shown as an escape."""
    lines = secret.reveal().split("\n")
    if any(writer.visible_line(line) != line for line in lines):
        writer.tell("it holds characters that a terminal would obey, shown here as escapes:")
    for line in lines:
        writer.say(writer.visible_line(line))
