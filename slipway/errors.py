"""What can go wrong, each with the exit code it ends the command with.

SlipwayError                1  it failed
├── UsageError              2  the command line is wrong
│   └── MessageError        2  client and agent do not understand each other
│       ├── UnknownField    2  one sends a field that the other does not have
│       └── MissingField    2  one needs a field that the other does not send
├── ConfigError             2  a file of the project is wrong; names file and key
├── Refused                 3  nothing was changed
│   ├── UntrustedProgram    3  a program would see secrets, and nobody vouches for it
│   ├── NoQuorum            3  too few managers of the Swarm answer to agree on a leader
│   ├── HostsRefused        3  several hosts refused; one line each
│   ├── Unsigned            3  a backup has no trusted signature
│   └── Damaged             3  a backup is not what its manifest says
├── RolledBack              4  it failed; the old release serves
├── UnattendedPrompt        4  a runbook would have to ask, and nobody is there; nothing was run
├── DifferenceFound         5  what is differs from what should be
├── Busy                   75  somebody else holds the lock
├── Interrupted           130  ended by Ctrl-C or a signal; what was begun was rolled back
├── HostError               1  something on one host
│   ├── Unreachable         1  no connection, or one that is not trusted
│   ├── NotReady            1  a service does not answer as it should
│   └── CommandFailed       1  a command ended with another code than 0
├── HostsFailed             1  several hosts failed; one line each
├── NotHealthy              1  a stack did not become healthy, or did not stay so
├── Impassable              1  a machine cannot lead connections past its edge
├── ClearlyWorse            1  a new release answers worse than the one before it
├── CanaryAborted           1  another terminal has ended a canary
├── JobFailed               1  a one-shot service ended with another code than 0
├── ChannelBroken           1  the connection between client and agent ended or made no sense
├── NoDatabase              1  no connection to the database
├── QueryFailed             1  the database refused a query
├── SeedFailed              1  a seed file could not be applied
├── MigrationFailed         1  a migration could not be applied
├── LocaleUnavailable       1  the server lacks the locale of the backed-up database
├── SwapBlocked             1  two databases could not be swapped: sessions in the way
├── DumpFailed              1  pg_dump failed, or its dump cannot be decoded
├── DrillFailed             1  a restored backup is not what was backed up
├── ArchiveError            1  pgBackRest failed
├── ResticFailed            1  restic failed
├── StoreError              1  the backup store failed
│   ├── NotFound            1  it holds no such object
│   ├── Retained            1  it keeps an object locked
│   ├── NotListable         1  it does not list its objects
│   ├── NotGranted          1  what is asked of it is more than a request needs
│   ├── BadKey              2  no store could hold an object of this name
│   └── TooLarge            1  an object is larger than was announced
├── UnsafeArchive           1  a machine sent what a copied folder has no need of
├── NotStarted              1  the process of a runbook's cell could not be started
└── OutputUnwritable        1  the output of a cell could not be written to disk
"""

import re
import shlex
from collections.abc import Sequence

# What reading a document of another shape raises.
UNREADABLE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
NO_SPACE = "no space left on device"
MOST_LINES = 40
DISK_FULL = "runbooks/disk-full.md"


class SlipwayError(Exception):
    """Root of all failures a person can act on; the text is one sentence for that person."""

    exit_code = 1


class UsageError(SlipwayError):
    """The command line is wrong."""

    exit_code = 2


class ConfigError(SlipwayError):
    """A file of the project is wrong; the text names file and key."""

    exit_code = 2


class Refused(SlipwayError):
    """Stopped before anything was changed."""

    exit_code = 3


class RolledBack(SlipwayError):
    """The change failed and was rolled back; the old release serves."""

    exit_code = 4


class DifferenceFound(SlipwayError):
    """What is differs from what should be."""

    exit_code = 5


class Busy(SlipwayError):
    """Somebody else holds the lease of the environment."""

    exit_code = 75


class Interrupted(SlipwayError):
    """Ended by Ctrl-C or a signal; what was begun was rolled back."""

    exit_code = 130


class HostError(SlipwayError):
    """Something failed on one host."""

    def __init__(self, host: str, message: str) -> None:
        super().__init__(f"{host}: {message}")
        self.host = host


class Unreachable(HostError):
    """The host does not answer, or answers with a key that is not trusted."""


class CommandFailed(HostError):
    """A command on a host ended with another code than 0."""

    def __init__(self, host: str, argv: Sequence[str], code: int, stderr: str) -> None:
        super().__init__(host, f"`{_short(argv)}` ended with {code}: {reason(stderr)}")
        self.argv = tuple(argv)
        self.code = code
        self.stderr = stderr


def listing(problems: Sequence[str]) -> str:
    """Return all that is wrong, a line each; of very many, how many more there are."""
    more = len(problems) - MOST_LINES
    return "\n".join([*problems[:MOST_LINES], *([f"and {more} more"] if more > 0 else [])])


def first_line(text: object) -> str:
    """Return the first line of a library's error, where its reason stands."""
    return (str(text).strip().splitlines() or ["no reason given"])[0].strip()


def readable(text: str, width: int = 200) -> str:
    """Return a sentence as a terminal may show it: no control characters, no endless word.

    What stands in a file that somebody else wrote is repeated in errors.
    """
    shown = (char if char.isprintable() or char in "\n\t" else ascii(char)[1:-1] for char in text)
    return re.sub(rf"(\S{{{width}}})\S+", r"\1…", "".join(shown))


def last_line(text: str | bytes) -> str:
    """Return the last line that a program wrote, where its reason stands."""
    text = text.decode(errors="replace") if isinstance(text, bytes) else text
    return (text.strip().splitlines() or ["no reason given"])[-1].strip()


def reason(text: str | bytes) -> str:
    """Return the last line that a program wrote, and where a disk is full what to do."""
    line = last_line(text)
    return f"{line}; make room: {DISK_FULL}" if NO_SPACE in line.lower() else line


def _short(argv: Sequence[str], width: int = 80) -> str:
    text = " ".join(shlex.join(argv).split())
    return text if len(text) <= width else text[: width - 1] + "…"
