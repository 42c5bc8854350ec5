"""What an earlier go at a run has done, carried over to the runbook as it is now."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace

from slipway.notebook.document import Cell, Runbook
from slipway.notebook.reading import parse
from slipway.notebook.records.event import Event, EventProgress, follow
from slipway.notebook.records.record import Record


def digests(runbook: Runbook) -> dict[str, str]:
    """Return what tells each action from others whatever its id: its section and its text."""
    found = {}
    for action in runbook.actions():
        text = action.source if isinstance(action, Cell) else f"- [ ] {action.text}"
        found[action.id] = hashlib.sha256(f"{action.section}\n{text}".encode()).hexdigest()
    return found


def digests_of(record: Record, runbook: Runbook) -> Mapping[str, str]:
    """Return the digests of the runbook as it was at the last sitting of a run."""
    for event in reversed(record.events):
        if event.kind == "resume" and isinstance(found := event.data.get("digests"), dict):
            return found
    path = record.folder / "runbook.md"
    text = path.read_text(encoding="utf-8", errors="surrogateescape")
    return digests(parse.parse(text, runbook.path)[0])


def progress(record: Record) -> EventProgress:
    """Return how far a run is, in the ids of its last sitting."""
    whole = record.progress()
    turns = [n for n, event in enumerate(record.events) if _turns(event)]
    if not turns:
        return whole
    turn = record.events[turns[-1]].data
    since = follow(record.events[turns[-1] + 1 :])
    actions = {**turn["standing"], **since.actions}
    return replace(whole, actions=actions, part=since.part or str(turn.get("part") or ""))


def carried(before: EventProgress, same: Mapping[str, str]) -> EventProgress:
    """Return progress in the ids of now; `same` is what `match` found."""
    known = before.actions
    return replace(before, actions={id: known[old] for id, old in same.items() if old in known})


def match(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    """Return for each id of now the former id of the same action, from the digests of both.

    The same is what has the text and the id, then what has the text: a cell that another was put
    above has a new id. What has only the id and whose text is gone was edited where it stood.
    """
    same = {id: id for id in new if old.get(id) == new[id]}
    taken = set(same.values())
    for by_text in (True, False):
        for id in (each for each in new if each not in same):
            fits = [
                o for o in old if o not in taken and (old[o] == new[id] if by_text else o == id)
            ]
            if fits:
                same[id] = fits[0]
                taken.add(fits[0])
    return {id: same[id] for id in new if id in same}


def _turns(event: Event) -> bool:
    return event.kind == "resume" and isinstance(event.data.get("standing"), dict)
