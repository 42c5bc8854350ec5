"""A backup read back from where it lies, wholly: sums, key, and every row decoded."""

import contextlib
import subprocess
import time

from slipway.backups.format import catalogue, manifest, pipes
from slipway.backups.format.catalogue import Proof, StoredBackup
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Damaged, Manifest
from slipway.backups.format.pipes import StderrTail
from slipway.backups.format.signature import ANYBODY, Trust
from slipway.backups.restore import decrypt
from slipway.database.processes import reason_in, started
from slipway.progress import Reporter
from slipway.storage.store import NotFound, Store

WHAT = "reading back"


def check(
    store: Store, backup: StoredBackup, key: Key, reporter: Reporter, trust: Trust = ANYBODY
) -> Proof:
    """Decode a backup in full and keep what was found beside it.

    Raises what hinders the look itself: no store, a key that does not fit. That proves nothing.
    """
    began = time.monotonic()
    why = ""
    try:
        decode(store, backup.manifest, key, reporter)
        decrypt.roles(store, backup.manifest, key)
    except (Damaged, NotFound) as error:
        why = str(error)
    seconds = round(time.monotonic() - began, 3)
    counts = {"bytes": backup.manifest.plain.size, "rows": backup.manifest.rows}
    proof = Proof("decode", manifest.written(), seconds, not why, {} if why else counts, why)
    catalogue.prove(store, backup.id, proof, trust)
    return proof


def decode(store: Store, manifest: Manifest, key: Key, reporter: Reporter) -> None:
    """Read every byte and every row of a backup. Raises Damaged."""
    with (
        contextlib.closing(StderrTail()) as stderr,
        started(
            ["pg_restore", "-f", "/dev/null"], stdin=subprocess.PIPE, stderr=stderr.fileno
        ) as child,
        decrypt.stream(store, manifest, key) as chunks,
    ):
        (sink,) = pipes.pipes(child)
        count = 0
        is_open = True
        for chunk in chunks:
            count += len(chunk)
            reporter.progress(WHAT, count, manifest.plain.size)
            if is_open:
                try:
                    pipes.write(sink, chunk)
                except BrokenPipeError:
                    is_open = False  # the sums tell more than the decoder does: read on
        sink.close()
        if child.wait() != 0 or not is_open:
            raise Damaged(f"{manifest.id} cannot be decoded: {reason_in(stderr.lines())}")
