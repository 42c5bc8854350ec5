"""Files and folders between this computer and a machine, or a container of a service there.

Everything streams over the strict SSH connection. It arrives next to its place, its SHA-256 is
compared, and only then is it moved there, so nobody ever sees half of it. A folder travels as tar.
As with cp, a target that is a folder already is copied into.
"""

import hashlib
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from slipway import shell_scripts
from slipway.errors import HostError, Refused, UsageError
from slipway.hosts.host import MINUTES, Host
from slipway.hosts.local import LocalHost
from slipway.machines import unpacking
from slipway.machines.unpacking import UnsafeArchive

CHUNK = 1 << 20
LEAST_FREE = 256 << 20  # that a copy leaves of the disk here
LONGEST = 6 * 60 * MINUTES
BROKEN = 9  # what a script below ends with when the sums differ

PLACE = shell_scripts.read(__file__, "copying_place.sh")
PUT_FILE = PLACE + shell_scripts.read(__file__, "copying_put_file.sh")
PUT_FOLDER = PLACE + shell_scripts.read(__file__, "copying_put_folder.sh")
MARK = "slipway "
MODE = re.compile(r"[0-7]{1,4}")
GET = shell_scripts.read(__file__, "copying_get.sh")


@dataclass(frozen=True)
class Endpoint:
    """The side that is not this computer; `within` leads into a container there."""

    host: Host
    within: tuple[str, ...] = ()

    def command(self, text: str, *args: str) -> list[str]:
        """A POSIX shell script with its arguments, to be run on this side."""
        return [*self.within, "sh", "-euc", text, "sh", *args]


@dataclass(frozen=True)
class CopyResult:
    """What now lies where; of a folder, `size` and `sum` are those of its tar."""

    path: str
    size: int
    sum: str


def container(host: Host, app: str, service: str) -> Endpoint:
    """Find the newest running container of a service on a machine. Raises Refused."""
    labels = (f"label=slipway.app={app}", f"label=slipway.service={service}", "status=running")
    filters = [word for label in labels for word in ("--filter", label)]
    ids = host.run(["docker", "ps", "--quiet", *filters], timeout=20).out.split()
    if not ids:
        raise Refused(
            f"no container of {service} runs on {host.name}; see which there are: "
            f"`inv machine.ssh --name={host.name} --command='docker ps'`"
        )
    return Endpoint(host, ("docker", "exec", "--interactive", ids[0]))


def put(source: Path, side: Endpoint, target: str) -> CopyResult:
    """Copy a file or folder of this computer to the other side.

    It is read twice, first for its sum: what changes meanwhile is not put in place.
    """
    source = source.expanduser().resolve()
    if not (source.is_file() or source.is_dir()):
        raise UsageError(f"{source} is not there, or neither a file nor a folder")
    chunks: Callable[[Path], Iterator[bytes]] = _tar if source.is_dir() else _read
    digest, size = hashlib.sha256(), 0
    for chunk in chunks(source):
        digest.update(chunk)
        size += len(chunk)
    draft, mode = f".{secrets.token_hex(6)}.slipway", f"{source.stat().st_mode & 0o777:o}"
    text = PUT_FOLDER if source.is_dir() else PUT_FILE
    args = (_remote_path(target), draft, digest.hexdigest(), mode, source.name)
    argv = side.command(text, *args)
    result = side.host.run(argv, stdin=chunks(source), timeout=LONGEST, check=False)
    if result.code == BROKEN:
        raise HostError(
            side.host.name,
            f"what arrived is not what was sent; {source} changed meanwhile, or the connection "
            "broke. Nothing was put in place: run it again",
        )
    if result.code != 0:
        raise HostError(side.host.name, _last_line(result.err.splitlines()))
    return CopyResult(result.out, size, digest.hexdigest())


def get(side: Endpoint, source: str, target: Path) -> CopyResult:
    """Copy a file or folder of the other side to this computer."""
    name = PurePosixPath(source).name
    target = target.expanduser()
    if target.is_dir():
        target /= name
    if not name:
        raise UsageError(f"{source} has no name to copy it by")
    if target.is_dir():
        raise UsageError(f"{target} is a folder already; folders are not merged")
    draft = target.with_name(f".{secrets.token_hex(6)}.slipway")
    digest, size = hashlib.sha256(), 0
    received = draft.with_suffix(".tar")

    def arriving(chunks: Iterable[bytes]) -> Iterator[bytes]:
        nonlocal size
        for chunk in chunks:
            digest.update(chunk)
            size += len(chunk)
            yield chunk

    try:
        with (
            received.open("xb") as file,
            side.host.open(side.command(GET, _remote_path(source))) as talk,
        ):
            received.chmod(0o600)
            for chunk in arriving(iter(lambda: talk.read(CHUNK), b"")):
                file.write(chunk)
                if shutil.disk_usage(draft.parent).free < LEAST_FREE:
                    raise HostError(side.host.name, f"{source} is larger than the room here")
            result = talk.wait()
        lines = result.err.splitlines()
        facts = {kind: value for _, kind, value, *_ in map(_words, lines) if kind}
        if result.code != 0 or "broken" in facts or "sum" not in facts:
            others = [line for line in lines if not line.startswith(MARK)]
            raise HostError(side.host.name, _last_line(others))
        if facts["sum"] != digest.hexdigest():
            raise HostError(side.host.name, f"{source} changed while it was read; run it again")
        mode = facts.get("folder") or facts.get("file", "")
        if not MODE.fullmatch(mode):
            raise HostError(side.host.name, f"sent {mode[:20]!a} as the mode of {source}")
        if "folder" in facts:
            draft.mkdir(mode=0o700)
            unpacking.unpack(received, draft)
            received.unlink()
        else:
            received.rename(draft)
        draft.chmod(int(mode, 8) & 0o777)
        draft.replace(target)
    except UnsafeArchive as error:
        raise HostError(
            side.host.name, f"{source} holds what is not copied: {error}. Nothing was put in place"
        ) from None
    except OSError as error:
        raise UsageError(f"{target} cannot be written: {error.strerror}") from None
    finally:
        _discard(draft, received)
    return CopyResult(str(target), size, digest.hexdigest())


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _tar(folder: Path) -> Iterator[bytes]:
    with LocalHost().open(["tar", "-cf", "-", "-C", str(folder), "."]) as talk:
        talk.end()
        while chunk := talk.read(CHUNK):
            yield chunk
        talk.wait().check()


def _remote_path(path: str) -> str:
    """A path of the other side that no command takes for a flag; `~/` is where one begins."""
    path = path.removeprefix("~/")
    return path if path.startswith("/") else f"./{path}"


def _words(line: str) -> list[str]:
    """Read a line of the script's own, `slipway KIND VALUE`; two empty words for any other."""
    words = line.split() if line.startswith(MARK) else []
    return [*words, "", "", ""]


def _last_line(words: Sequence[str]) -> str:
    return next((word for word in reversed(words) if word.strip()), "no message")


def _discard(*drafts: Path) -> None:
    for draft in drafts:
        shutil.rmtree(draft) if draft.is_dir() else draft.unlink(missing_ok=True)
