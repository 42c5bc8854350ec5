"""Slipway in a project: what is changed of its files, and what an upgrade does to them."""

from collections.abc import Sequence

from slipway.scaffold.shared import SharedFile
from slipway.scaffold.unfinished import GO_BACK, UnfinishedUpgrade
from slipway.scaffold.upgrade import Upgrade
from slipway.show import table
from slipway.show.writer import say

WORDS = {
    "added": "new",
    "merged": "your changes and Slipway's merged",
    "conflict": "your changes and Slipway's meet: conflict markers",
    "removed": "removed; you had not changed it",
    "missing": "changed by Slipway; you removed or renamed it, so look what is new (git diff)",
    "retired": "Slipway has it no longer; yours stays, since you changed it",
}


def show_status(
    version: str,
    files: Sequence[SharedFile],
    record: UnfinishedUpgrade | None,
    *,
    as_json: bool = False,
) -> None:
    """Print the version, an upgrade under way, and shared files that are not as it made them."""
    changed = [file for file in files if file.state != "as made"]
    if as_json:
        rows = [{"path": file.path, "state": file.state} for file in changed]
        upgrade = {"before": record.before, "after": record.after} if record else None
        document = {"version": version, "shared_files": len(files), "changed": rows}
        table.document({**document, "upgrade": upgrade})
        return
    if record:
        say(f"an upgrade of {record.title} is under way: inv kit.upgrade --resume, or {GO_BACK}")
    say(f"Slipway {version}; {len(changed)} of its {len(files)} files here are not as it made them")
    for file in changed:
        say(f"  {file.state:<8} {file.path}")


def show_upgrade(change: Upgrade) -> None:
    """Print what is new in the versions between, then what becomes of each shared file."""
    if change.notes:
        say(change.notes.rstrip() + "\n")
    for merge in change.merges:
        if merge.outcome in WORDS:
            say(f"  {merge.path:<40} {WORDS[merge.outcome]}")
    if updated := _of(change, "updated"):
        say(f"  {len(updated)} others replaced, which you had not changed")
    if yours := _of(change, "yours"):
        say(f"  left as you have them: {', '.join(yours)}")
    _show_actions(change.record)


def show_next_steps(record: UnfinishedUpgrade) -> None:
    """Print what is left to a person after an upgrade."""
    say(f"Slipway {record.after} is in place" + (f", and serves {record.env}" * bool(record.env)))
    _show_actions(record)
    if not record.commits:
        say("look at it (git diff), then")
        say(f'  git add --all && git commit --message="Upgrade Slipway to {record.after}"')
    if not record.env:
        say("  ./inv deploy --env=staging")


def _show_actions(record: UnfinishedUpgrade) -> None:
    if record.actions:
        say("to be done by you, as the notes say:")
    for action in record.actions:
        say(f"  ! {action}")


def _of(change: Upgrade, outcome: str) -> list[str]:
    return [merge.path for merge in change.merges if merge.outcome == outcome]
