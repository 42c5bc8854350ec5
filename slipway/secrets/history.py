"""What became of an environment's secrets, as git knows it: names, who and when; needs no key."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.errors import CommandFailed, ConfigError
from slipway.hosts import git
from slipway.secrets import encrypted_file

MOST = 300  # versions that are read, the newest
NOT_COMMITTED = "not committed"


@dataclass(frozen=True)
class Change:
    """What one commit did to a file of secrets; without a commit, what lies there now."""

    commit: str
    author: str
    at: datetime
    added: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    is_rekeyed: bool = False  # every value was encrypted anew, so which are new cannot be told

    @property
    def names(self) -> tuple[str, ...]:
        return self.added + self.changed + self.removed


@dataclass(frozen=True)
class _Version:
    commit: str
    author: str
    at: datetime
    values: Mapping[str, str]
    wrapped_keys: frozenset[str]


NOBODY = _Version("", "", datetime.min.replace(tzinfo=UTC), {}, frozenset())


def changes(path: Path) -> list[Change]:
    """Return what changed, the newest first; nothing without git. Merges count with their parts."""
    versions = [*_present(path), *_committed(path)]
    older = [*versions[1:], NOBODY]
    compared = (_compare(new, old) for new, old in zip(versions, older, strict=True))
    return [each for each in compared if each.names or each.is_rekeyed]


def last_changes(path: Path) -> dict[str, Change]:
    """Return for each name the change that gave it the value that it has now."""
    last: dict[str, Change] = {}
    for change in reversed(changes(path)):
        last |= dict.fromkeys((*change.added, *change.changed), change)
        for name in change.removed:
            last.pop(name, None)
    return last


def _compare(new: _Version, old: _Version) -> Change:
    both = new.values.keys() & old.values.keys()
    changed = {name for name in both if new.values[name] != old.values[name]}
    # With another data key each value is encrypted anew; one set in the same commit is not seen.
    is_rekeyed = bool(both) and changed == both and not new.wrapped_keys & old.wrapped_keys
    return Change(
        new.commit,
        new.author,
        new.at,
        tuple(sorted(new.values.keys() - old.values.keys())),
        () if is_rekeyed else tuple(sorted(changed)),
        tuple(sorted(old.values.keys() - new.values.keys())),
        is_rekeyed,
    )


def _present(path: Path) -> Iterator[_Version]:
    """Yield the file as it lies there, which may have changes that nobody has committed."""
    if path.is_file():
        document = encrypted_file.lint(path)
        at = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        yield _version("", NOT_COMMITTED, at, document)


def _committed(path: Path) -> Iterator[_Version]:
    """Yield the versions in git, the newest first; one that is damaged is left out."""
    host = git.at(path.parent)
    argv = ["git", "log", f"-{MOST}", "--format=%H%x00%an%x00%at", "--", path.name]
    try:
        lines = host.run(argv, timeout=30).out.splitlines()
        log = [line.split("\0") for line in lines]
        names = "".join(f"{commit}:./{path.name}\n" for commit, _, _ in log)
        batch = ["git", "cat-file", "--batch"]
        output = host.run(batch, stdin=names.encode(), timeout=60).out if log else ""
    except (CommandFailed, OSError):
        return
    for (commit, author, seconds), text in zip(log, _texts(output.encode(), len(log)), strict=True):
        try:
            document = encrypted_file.parse(text, path) if text else {}
        except ConfigError:
            continue
        yield _version(commit, author, datetime.fromtimestamp(int(seconds), UTC), document)


def _texts(output: bytes, number: int) -> Iterator[str]:
    """Take the answers of `git cat-file --batch` apart; empty for a commit without the file."""
    rest = output
    for _ in range(number):
        head, _, rest = rest.partition(b"\n")
        words = head.split()
        size = int(words[2]) if len(words) == 3 and words[1] == b"blob" else None
        if size is None:
            yield ""
        else:
            yield rest[:size].decode()
            rest = rest[size + 1 :]


def _version(commit: str, author: str, at: datetime, document: Mapping[str, Any]) -> _Version:
    values = {key: str(value) for key, value in document.items() if key != "sops"}
    kinds = (document.get("sops") or {}).values()
    entries = (each for kind in kinds if isinstance(kind, list) for each in kind)
    wrapped = frozenset(str(each.get("enc")) for each in entries if isinstance(each, dict))
    return _Version(commit[:12], author, at, values, wrapped)
