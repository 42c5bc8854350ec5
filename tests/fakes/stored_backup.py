"""A small backup for tests: whole by its sums, with nothing in it that could be decoded."""

import hashlib
from dataclasses import replace

from slipway.backups.format import catalogue, manifest
from slipway.backups.format.manifest import Locale, Manifest, Part
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.storage.store import Store

DUMP = b"sealed"
PIECE = Part(len(DUMP), hashlib.sha256(DUMP).hexdigest())
BLANK = Manifest(
    id="",
    environment="prod",
    database="logbook",
    created="",
    seconds=1.0,
    release=7,
    commit="c0ffee",
    server="17.6",
    client="17.6",
    locale=Locale("UTF8", "c", "C", "C"),
    extensions={},
    roles=(),
    tables={"public.people": 1},
    unlogged=(),
    foreign=(),
    large_objects=0,
    sequences=0,
    migrations=("20260101120000",),
    database_size=8_000_000,
    plain=PIECE,
    dump=PIECE,
    globals=PIECE,
    has_role_passwords=False,
    recipients=("age1…",),
    key="sealed key",
)


def put(store: Store, name: str, key: str = BLANK.key, trust: Trust = ANYBODY) -> None:
    """Store a backup with this id; `key` is its own, sealed; `trust` signs it."""
    described = replace(BLANK, id=name, created=manifest.written(name), key=key)
    store.put(catalogue.dump_key(name), [DUMP])
    store.put(catalogue.roles_key(name), [DUMP])
    store.put(catalogue.manifest_key(name), [described.to_json(trust).encode()])
