"""Slipway in a project: what is changed of its files, and what an upgrade does to them."""

from collections.abc import Sequence

from slipway.scaffold.shared import SharedFile
from slipway.scaffold.upgrade import Upgrade
from slipway.show import table
from slipway.show.writer import say

WORDS = {
    "added": "new",
    "merged": "your changes and Slipway's merged",
    "conflict": "your changes and Slipway's meet: conflict markers",
    "removed": "removed; you had not changed it",
}


def show_status(version: str, files: Sequence[SharedFile], *, as_json: bool = False) -> None:
    """Print the version, and the shared files that are not as it made them."""
    changed = [file for file in files if file.state != "as made"]
    if as_json:
        rows = [{"path": file.path, "state": file.state} for file in changed]
        table.document({"version": version, "shared_files": len(files), "changed": rows})
        return
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


def show_next_steps(change: Upgrade) -> None:
    """Print what a person does after an upgrade."""
    say(f"Slipway {change.after} is in place; look at it (git diff), then")
    say("  ./inv test")
    say(f'  git add --all && git commit --message="Upgrade Slipway to {change.after}"')
    say("  ./inv deploy --env=staging")


def _of(change: Upgrade, outcome: str) -> list[str]:
    return [merge.path for merge in change.merges if merge.outcome == outcome]
