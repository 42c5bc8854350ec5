"""A person's side of backups: what a request tells, which store is served, whose keys open them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from slipway.backups.format import catalogue
from slipway.backups.format.manifest import ID
from slipway.client import keys
from slipway.cluster import lease, ledger
from slipway.cluster.observed import observe
from slipway.environments.environment import Environment
from slipway.errors import DifferenceFound, HostError, Refused, UsageError
from slipway.hosts.host import Host
from slipway.progress import Reporter
from slipway.project import ROOT
from slipway.secrets import sops
from slipway.storage.folder import FolderStore
from slipway.storage.open import scheme_of
from slipway.storage.store import Store

Row = Mapping[str, Any]


class There(Protocol):
    """A place beside a database; `manager` is None for the hacking loop."""

    @property
    def env(self) -> Environment: ...

    @property
    def manager(self) -> Host | None: ...

    def do(
        self, verb: str, given: Mapping[str, Any], report: Reporter, store: Store | None = None
    ) -> dict[str, Any]: ...


def store_here(env: Environment) -> Store | None:
    """Return the folder on this computer that an environment's backups are kept in, if it is one.

    None means that they are in S3, and the environment goes there by itself. Raises ConfigError.
    """
    place = env.settings["BACKUP_STORE"].strip()
    if scheme_of(place, env.name) == "s3":
        return None
    if not place:
        return FolderStore(ROOT / "backups" / env.name, f"backups/{env.name}")
    folder = ROOT / Path(place.removeprefix("file://")).expanduser()
    return FolderStore(folder / env.name, f"{folder}/{env.name}")


def request(there: There, report: Reporter, *, role_passwords: bool = False) -> dict[str, Any]:
    """Tell what the environment does not know of itself: to whom, from whom, which release."""
    live = _live(there, report)
    return {
        "environment": there.env.name,
        "recipients": recipients(there.env),
        "by": lease.owner(),
        "release": live.release if live else 0,
        "commit": live.commit if live else "",
        "role_passwords": role_passwords,
    }


def recipients(env: Environment) -> list[str]:
    """Name those who can open an environment's backups: the ones who can open its secrets."""
    if not env.secrets_file.is_file():
        raise Refused(
            f"secrets/{env.secrets_file.name} is missing, and its recipients are those of the "
            f"backups; make it: inv secrets.create --env={env.name}"
        )
    found = sops.recipients(env.secrets_file)
    if not found:
        raise Refused(f"secrets/{env.secrets_file.name} names no age recipient; see .sops.yaml")
    return found


def take(
    there: There, report: Reporter, *, role_passwords: bool = False, plan: bool = False
) -> dict[str, Any]:
    """Take a backup; with `plan`, only say how."""
    given = request(there, report, role_passwords=role_passwords)
    return there.do("backup-plan" if plan else "backup", given, report, store_here(there.env))


def listed(there: There, report: Reporter) -> dict[str, Any]:
    """List the backups of an environment, newest first."""
    return there.do("backups", {}, report, store_here(there.env))


def verify(there: There, which: str, report: Reporter) -> dict[str, Any]:
    """Read backups back wholly: the newest, one by its id, or all.

    What need not be read to know that it is not whole is told too: of all, or newer than latest.
    """
    found = listed(there, report)
    chosen = choose(found, which)
    opened = {str(row["id"]): unlock(there.env, row) for row in chosen}
    told = there.do("verify", {"keys": opened}, report, store_here(there.env))
    damaged = dict(found["damaged"]) if which == "all" else _passed_over(found, which)
    told["proofs"] += [_unread(name, why) for name, why in damaged.items()]
    return told


def choose_one(found: Row, which: str, report: Reporter) -> Row:
    """Pick one backup from a list, and tell of newer ones that are not whole."""
    row = choose(found, which)[0]
    for name, why in _passed_over(found, which).items():
        report.note(catalogue.passed_over(name, why))
    return row


def choose(found: Row, which: str) -> Sequence[Row]:
    """Pick backups from a list. Raises UsageError, Refused, DifferenceFound."""
    rows: list[Row] = list(found["backups"])
    if not (which in ("latest", "all") or ID.fullmatch(which)):
        raise UsageError(
            f"--backup={which[:60]!a} is none of: latest, all, an id of inv db.backups"
        )
    if ID.fullmatch(which):
        rows = [row for row in rows if row["id"] == which]
        if damage := dict(found["damaged"]).get(which):
            raise DifferenceFound(f"the backup {which} is not whole: {damage}")
    if not rows and found["damaged"] and not ID.fullmatch(which):
        raise DifferenceFound(catalogue.none_whole(found["store"], found["damaged"]))
    if not rows:
        what = "no backup" if which in ("latest", "all") else f"no backup {which}"
        raise Refused(f"{found['store']} holds {what}; inv db.backups lists what there is")
    return rows[:1] if which == "latest" else rows


def unlock(env: Environment, row: Row) -> str:
    """Open the key of a listed backup; the text goes over the channel and nowhere else."""
    return keys.unlock(env, str(row["key"]), list(row["recipients"])).identity


def demand_whole(found: Row) -> None:
    """Raise DifferenceFound when a look at backups found one that is not whole."""
    bad = [f"{each['id']}: {each['why']}" for each in found["proofs"] if not each["ok"]]
    if bad:
        raise DifferenceFound(f"{'; '.join(bad)}. Take another now: inv db.backup")


def _passed_over(found: Row, which: str) -> dict[str, str]:
    """Name what is damaged and newer than the newest whole backup, where that one is meant."""
    if which != "latest":
        return {}
    return catalogue.newer_damaged(found["damaged"], str(found["backups"][0]["id"]))


def _unread(name: str, why: str) -> dict[str, Any]:
    """Tell of a backup that need not be read to know that it is not whole."""
    return {"id": name, "kind": "decode", "ok": False, "why": why, "seconds": 0.0, "counts": {}}


def _live(there: There, report: Reporter) -> ledger.LedgerEntry | None:
    """Find the release that serves; not to know it is no reason to go without a backup."""
    if there.manager is None:
        return None
    try:
        observed = observe(there.manager, there.env.prefix)
    except HostError as error:
        report.note(f"which release serves is not known: {error}")
        return None
    return ledger.live(ledger.entries(observed, there.env.prefix))
