"""A backup read back: fetched, summed, unsealed; nothing is believed that does not fit."""

import contextlib
import subprocess
from collections.abc import Iterator

from slipway.backups.format import catalogue, encryption, pipes
from slipway.backups.format.encryption import Key
from slipway.backups.format.manifest import Damaged, Manifest
from slipway.backups.format.pipes import Checksum, Pipe, StderrTail
from slipway.database.processes import started
from slipway.errors import Refused, SlipwayError
from slipway.storage.store import Store


@contextlib.contextmanager
def opened(store: Store, wanted: Manifest, key: Key) -> Iterator[Iterator[bytes]]:
    """Yield the plain archive of a backup as a stream; the last of it is kept back until all fits.

    The stream raises Damaged when it is not, byte for byte, what was stored, and a StoreError of
    the store as it is. Enter from the main thread.
    """
    with contextlib.ExitStack() as stack:
        words = stack.enter_context(contextlib.closing(StderrTail()))
        pipe = stack.enter_context(encryption.identity_pipe(key))
        child = stack.enter_context(
            started(
                encryption.decrypt_line(pipe),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=words.fileno,
                pass_fds=(pipe,),
            )
        )
        source = store.get(catalogue.dump_key(wanted.id))
        moving = Pipe(source, pipes.pipes(child), read_on=True)
        stack.callback(moving.join)
        stack.callback(_stop, child, moving)
        yield _chunks(child, words, moving, wanted)


def roles(store: Store, wanted: Manifest, key: Key) -> bytes:
    """Return the SQL of the roles. Raises Damaged."""
    total = Checksum()
    data = bytearray()
    for chunk in store.get(catalogue.roles_key(wanted.id)):
        total.add(chunk)
        data += chunk
        if total.size > wanted.globals.size:
            break
    if total.piece() != wanted.globals:
        raise Damaged(f"the roles of {wanted.id} are not the bytes that were stored")
    try:
        return encryption.unseal(bytes(data), key)
    except SlipwayError as error:
        raise Damaged(f"the roles of {wanted.id} cannot be opened: {error}") from None


def _chunks(
    child: "subprocess.Popen[bytes]", words: StderrTail, moving: Pipe, wanted: Manifest
) -> Iterator[bytes]:
    total = Checksum()
    kept = b""
    for chunk in pipes.read(pipes.output(child)):
        total.add(chunk)
        if kept:
            yield kept
        kept = chunk
    moving.join()
    if moving.error is not None:
        raise moving.error
    code = child.wait()
    if moving.sum.piece() != wanted.dump:
        raise Damaged(_differs(wanted, moving.sum))
    if code != 0:
        said = words.lines()
        reason = said[0].partition("error: ")[2] if said else f"age ended with {code}"
        if "no identity matched" in reason:
            raise Refused(f"this key does not open {wanted.id}; nothing was touched")
        raise Damaged(f"{wanted.id} cannot be opened: {reason}")
    if total.piece() != wanted.plain:
        raise Damaged(f"{wanted.id} holds another archive than its manifest says (SHA-256)")
    if kept:
        yield kept


def _differs(wanted: Manifest, found: Checksum) -> str:
    if found.size != wanted.dump.size:
        return f"{wanted.id} has {found.size} bytes, {wanted.dump.size} were stored; it is damaged"
    return f"{wanted.id} has other bytes than were stored (SHA-256 differs); it is damaged"


def _stop(child: "subprocess.Popen[bytes]", moving: Pipe) -> None:
    """End both when the reader left early."""
    moving.stop()
    if child.poll() is None:
        child.terminate()
