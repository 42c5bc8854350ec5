"""The last drill of files, kept beside the backups: when, of which backup, and what came of it."""

import dataclasses
import json
import math
from dataclasses import dataclass

from slipway.backups.format.signature import Trust
from slipway.backups.schedule import job_results
from slipway.errors import UNREADABLE, SlipwayError
from slipway.storage.store import Store

KEY = "runs/files-drill.json"
KIND = "drill of files"


@dataclass(frozen=True)
class FilesDrill:
    """One drill of files; `why` says of one that failed what was wrong."""

    backup: str
    at: str  # 2026-11-22T02:15:00Z
    seconds: float
    ok: bool
    why: str = ""


def keep(store: Store, drill: FilesDrill, trust: Trust) -> None:
    """Write a drill down, in place of the one before. Raises StoreError."""
    drill = dataclasses.replace(drill, why=drill.why[: job_results.TEXT])
    store.put(KEY, [json.dumps(trust.signed(KIND, dataclasses.asdict(drill))).encode()])


def read(store: Store, trust: Trust) -> FilesDrill | None:
    """Return the last drill that is trusted; None where there is none, or nobody may read it."""
    data = bytearray()
    try:
        for chunk in store.get(KEY):
            data += chunk
            if len(data) > job_results.LARGEST:
                return None
        document = json.loads(data)
        if not trust.accepts(KIND, document):
            return None
        job_results.moment(document["at"])
        drill = FilesDrill(
            backup=str(document["backup"]),
            at=str(document["at"]),
            seconds=float(document["seconds"]),
            ok=document["ok"] is True,
            why=str(document["why"]),
        )
    except (SlipwayError, *UNREADABLE):
        return None
    return drill if math.isfinite(drill.seconds) else None
