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
def stream(store: Store, manifest: Manifest, key: Key) -> Iterator[Iterator[bytes]]:
    """Yield the plain archive of a backup as a stream; the last of it is kept back until all fits.

    The stream raises Damaged when it is not, byte for byte, what was stored, and a StoreError of
    the store as it is. Enter from the main thread.
    """
    with contextlib.ExitStack() as stack:
        stderr = stack.enter_context(contextlib.closing(StderrTail()))
        pipe = stack.enter_context(encryption.identity_pipe(key))
        child = stack.enter_context(
            started(
                encryption.decrypt_line(pipe),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr.fileno,
                pass_fds=(pipe,),
            )
        )
        source = store.get(catalogue.dump_key(manifest.id))
        moving = Pipe(source, pipes.pipes(child), read_on=True)
        stack.callback(moving.join)
        stack.callback(_stop, child, moving)
        yield _chunks(child, stderr, moving, manifest)


def roles(store: Store, manifest: Manifest, key: Key) -> bytes:
    """Return the SQL of the roles. Raises Damaged."""
    checksum = Checksum()
    data = bytearray()
    for chunk in store.get(catalogue.roles_key(manifest.id)):
        checksum.add(chunk)
        data += chunk
        if checksum.size > manifest.globals.size:
            break
    if checksum.piece() != manifest.globals:
        raise Damaged(f"the roles of {manifest.id} differ from what was stored")
    try:
        return encryption.unseal(bytes(data), key)
    except SlipwayError as error:
        raise Damaged(f"the roles of {manifest.id} cannot be decrypted: {error}") from None


def _chunks(
    child: "subprocess.Popen[bytes]", stderr: StderrTail, moving: Pipe, manifest: Manifest
) -> Iterator[bytes]:
    checksum = Checksum()
    held = b""
    for chunk in pipes.read(pipes.output(child)):
        checksum.add(chunk)
        if held:
            yield held
        held = chunk
    moving.join()
    if moving.error is not None:
        raise moving.error
    code = child.wait()
    if moving.sum.piece() != manifest.dump:
        raise Damaged(_differs(manifest, moving.sum))
    if code != 0:
        lines = stderr.lines()
        reason = lines[0].partition("error: ")[2] if lines else f"age ended with {code}"
        if "no identity matched" in reason:
            raise Refused(f"this key does not open {manifest.id}; nothing was touched")
        raise Damaged(f"{manifest.id} cannot be decrypted: {reason}")
    if checksum.piece() != manifest.plain:
        raise Damaged(
            f"{manifest.id} does not hold the archive that its manifest describes (SHA-256 differs)"
        )
    if held:
        yield held


def _differs(manifest: Manifest, checksum: Checksum) -> str:
    if checksum.size != manifest.dump.size:
        return (
            f"{manifest.id} has {checksum.size} bytes, "
            f"{manifest.dump.size} were stored; it is damaged"
        )
    return f"{manifest.id} is not what was stored (SHA-256 differs); it is damaged"


def _stop(child: "subprocess.Popen[bytes]", moving: Pipe) -> None:
    """End both when the reader left early."""
    moving.stop()
    if child.poll() is None:
        child.terminate()
