"""Backups of files as rows for people and programs."""

import dataclasses

from slipway.backups.format.manifest import sized
from slipway.environments.environment import Environment
from slipway.files.messages import FilesReply
from slipway.releases.whole_backup import WholeBackup
from slipway.show import backups, table
from slipway.show.writer import say

COLUMNS = ("backup", "at", "volumes", "files", "size")


def show_done(reply: FilesReply, *, as_json: bool = False) -> None:
    """Print what was done."""
    if as_json:
        table.document(dataclasses.asdict(reply))
        return
    say(reply.summary)


def show_list(env: Environment, reply: FilesReply, *, as_json: bool = False) -> None:
    """Print all backups, the newest first."""
    if as_json:
        table.document(dataclasses.asdict(reply))
        return
    rows = [
        {
            "backup": each.id,
            "at": each.at,
            "volumes": ", ".join(each.volumes),
            "files": each.files,
            "size": sized(each.size),
        }
        for each in reply.backups
    ]
    table.rows(COLUMNS, rows)
    place = f"{reply.store} holds no backup of files"
    say(f"\nin {reply.store}" if rows else f"{place}; take one: inv files.backup --env={env.name}")


def show_pruned(reply: FilesReply, *, as_json: bool = False) -> None:
    """Print what stays and why, what goes, and the sum of it."""
    if as_json:
        table.document(dataclasses.asdict(reply))
        return
    gone = "would be removed" if "would be" in reply.summary else "removed"
    rows = [{"backup": name, "what": gone, "why": ""} for name in reply.removed]
    rows += [{"backup": name, "what": "kept", "why": why} for name, why in reply.staying.items()]
    table.rows(["backup", "what", "why"], rows)
    if reply.held:
        say(f"nothing goes: {reply.held}")
    say(reply.summary)


def show_whole(env: Environment, taken: WholeBackup, *, as_json: bool = False) -> None:
    """Print what was taken of the database and of the files, or would be."""
    if as_json:
        document = {"database": dataclasses.asdict(taken.database)}
        table.document(
            document | {"files": dataclasses.asdict(taken.files) if taken.files else None}
        )
        return
    backups.show_backup(taken.database)
    if taken.files:
        say(taken.files.summary)
        return
    say(f"no volume of {env.name} is labelled slipway.backup: files, so this is all")
