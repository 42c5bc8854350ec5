"""A person's editor on a file in memory, which is gone when it closes, also after a crash."""

import contextlib
import os
import re
import shlex
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from slipway.errors import ConfigError, Refused, UsageError
from slipway.hosts.local import LocalHost
from slipway.show import confirm, writer

MEMORY = Path("/dev/shm")  # noqa: S108  a folder of one's own is made there, in memory
START = "slipway-edit-"
USUAL = ("vim", "nano", "vi", "emacs")
# What keeps an editor from leaving copies of a text: swap, backup, undo, history, lock files.
VIM = ("-n", "-i", "NONE", "--cmd", "set nobackup nowritebackup noundofile viminfo= secure")
VIM_LATE = ("-c", "set noswapfile nobackup nowritebackup noundofile")  # after what vimrc says
EMACS = ("-Q", "--eval", "(setq make-backup-files nil auto-save-default nil create-lockfiles nil)")
QUIET: Mapping[str, Sequence[str]] = {
    "vim": (*VIM, *VIM_LATE),
    "nvim": (*VIM, *VIM_LATE),
    "nano": ("--ignorercfiles",),
    "emacs": EMACS,
}
# Ends when its input does, which is when this process ends, in whatever way.
Result = TypeVar("Result")
WIPER = 'cat >/dev/null; rm -rf -- "$1"'


def edited(text: str, read: Callable[[str], Result]) -> Result:
    """Return what `read` makes of a text that a person has edited; what it refuses is asked again.

    Raises Refused where nothing was changed.
    """
    argv = editor()
    with private_file(text) as file:
        while True:
            if (code := LocalHost().attach([*argv, str(file)])) != 0:
                raise Refused(f"{argv[0]} ended with {code}; nothing was changed")
            try:
                new = file.read_text(encoding="utf-8") if file.is_file() else text
                if new == text:
                    raise Refused("the editor closed without a change; nothing was changed")
                return read(new)
            except (ConfigError, UnicodeDecodeError) as error:
                why = str(error) if isinstance(error, ConfigError) else "it is not UTF-8"
                writer.tell(f"this cannot be kept: {why}")
            if not confirm.ask("Edit it again? No throws the changes away."):
                raise Refused("nothing was changed")


def editor(environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the editor to start, with the flags that keep it from leaving copies."""
    named = environ.get("VISUAL") or environ.get("EDITOR") or ""
    try:
        words = shlex.split(named)
    except ValueError:
        raise UsageError(f"EDITOR={named[:60]!a} has a quote without its end") from None
    words = words or [name for name in USUAL if shutil.which(name)][:1]
    program = shutil.which(words[0]) if words else None
    if program is None:
        name = words[0] if words else "no editor"
        raise UsageError(f"{name} is not there; say which one to use, as: export EDITOR=nano")
    return [program, *words[1:], *flags(program)]


def flags(program: str) -> Sequence[str]:
    """Return what keeps copies off, by the name of the program that it really is; `vi` is one."""
    for path in (Path(program), Path(program).resolve()):
        name = re.split(r"[.\-\d]", path.name, maxsplit=1)[0]
        if name in QUIET:
            return QUIET[name]
    writer.tell(
        f"{Path(program).name} is an editor that Slipway does not know: its copies stay in memory "
        "where they lie beside the file, and nowhere else if it is not told otherwise"
    )
    return ()


@contextlib.contextmanager
def private_file(text: str, memory: Path = MEMORY) -> Iterator[Path]:
    """Yield a file that only this person reads, in a folder in memory that goes with it."""
    if not (memory.is_dir() and os.access(memory, os.W_OK)):
        raise Refused(
            f"this computer has no {memory}, a folder in memory, and a disk would keep what was "
            "there; give each value with: inv secrets.set"
        )
    _remove_leftovers(memory)
    folder = Path(tempfile.mkdtemp(prefix=f"{START}{os.getpid()}-", dir=memory))
    try:
        with LocalHost().open(["sh", "-c", WIPER, "sh", str(folder)]) as wiper:
            file = folder / "secrets.yaml"
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as opened:
                opened.write(text.encode())
            yield file
            wiper.wait()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_leftovers(memory: Path) -> None:
    """Remove folders of our own whose process is gone: its wiper was killed too."""
    for folder in memory.glob(f"{START}*"):
        owner = folder.name.removeprefix(START).partition("-")[0]
        is_ours = folder.is_dir() and folder.stat().st_uid == os.geteuid()
        if is_ours and not Path("/proc", owner).exists():
            shutil.rmtree(folder, ignore_errors=True)
