"""The transcript of a run as a file for others: where it goes; it is whole or not there."""

import errno
import os
from pathlib import Path

from slipway import whole_file
from slipway.errors import SlipwayError, UsageError
from slipway.notebook.reading import markup
from slipway.notebook.records import record
from slipway.notebook.transcripts import page, transcript

STDOUT = "-"
HEAD = 4096  # bytes at the beginning of an export, among which is the name of its run


def make(folder: Path, *, html: bool) -> str:
    """Return a run as one HTML page or as Markdown."""
    if html:
        return page.make(folder)
    return transcript.make(record.read(folder), markup.runbook_of(folder), folder)


def target(run: str, to: str, *, html: bool) -> Path:
    """Return the file to write: what was asked for, or one named like the run in this folder.

    Only a file that was asked for, or an earlier export of the same run, may be replaced.
    """
    name = f"{run}.{'html' if html else 'md'}"
    path = Path(to or name)
    try:
        path = path if to else Path.cwd() / name
        if path.is_dir():
            path = path / name
        elif to:
            return path
        if path.exists() and not _is_export(path, run):
            raise UsageError(
                f"{path} already exists and is not an export of this run; "
                "choose another with --to=FILE"
            )
    except OSError as error:
        raise SlipwayError(_cannot(path, error)) from None
    return path


def write(path: Path, text: str) -> None:
    """Write a file whole or not at all, for its owner's eyes: what was printed is in it."""
    try:
        if path.exists() and not path.is_file():
            path.write_text(text, encoding="utf-8")  # a pipe or a device cannot be replaced
            return
        whole_file.write(path, text, mode=0o600)
    except RuntimeError:  # so says Path.resolve
        raise SlipwayError(_cannot(path, OSError(errno.ELOOP, ""))) from None
    except OSError as error:
        raise SlipwayError(_cannot(path, error)) from None


def _cannot(path: Path, error: OSError) -> str:
    why = os.strerror(error.errno or 0)
    return f"{path} cannot be written: {why}; name another file with --to=FILE"


def _is_export(path: Path, run: str) -> bool:
    try:
        with path.open("rb") as file:
            return run.encode() in file.read(HEAD)
    except OSError:
        return False
