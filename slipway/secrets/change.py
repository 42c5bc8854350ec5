"""The one way to change a file of secrets: locked, on a copy that has to open, then in one move.

A kill at any point leaves the old file or the new one. The copy that it may leave too holds what a
file holds, encrypted values, and is removed by the next change.
"""

import contextlib
import fcntl
import os
import re
import time
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

from slipway import whole_file
from slipway.environments.environment import Environment
from slipway.errors import Busy, ConfigError, Refused
from slipway.secrets import conflict, encrypted_file, recipients, sops
from slipway.secrets.encrypted_file import SIZE_LIMIT
from slipway.secrets.secret import Secret

PATIENCE = 30  # seconds; the other change takes one
UNCHANGED = "nothing was changed"
NOTHING: Mapping[str, Secret] = MappingProxyType({})


def apply(
    env: Environment, values: Mapping[str, Secret] = NOTHING, removed: Collection[str] = ()
) -> None:
    """Give secrets values, and take others out; every other stays as it is, also encrypted.

    Raises Refused where there is no file, where others could read it, or where somebody changed it
    meanwhile; Busy where another change does not end.
    """
    path = env.secrets_file
    check_values(env, values)
    with locked(path):
        data = read(env)
        before = encrypted_file.lint(path)
        with whole_file.draft(path) as draft:
            draft.write_bytes(data)
            for name, value in values.items():
                sops.set_value(draft, name, value, env)
            for name in removed:
                sops.unset(draft, name, env)
            _prove(env, before, draft, values, removed)
            if path.read_bytes() != data:
                raise Refused(
                    f"secrets/{path.name} was changed meanwhile by something else; nothing of "
                    "yours was written, type it again"
                )


def check_values(env: Environment, values: Mapping[str, Secret]) -> None:
    """Raise ConfigError for a value that is not as its rule says, or that no Swarm can hold."""
    for name, value in values.items():
        rule, text = env.rules.get(name), value.reveal()
        complaint = rule.complaint(text) if rule and text else None
        size = len(rule.data(text) if rule and not complaint else text.encode())
        if not size:
            complaint = "is empty"
        elif size > SIZE_LIMIT:
            complaint = f"holds {size:,} bytes, and a secret holds at most {SIZE_LIMIT:,}"
        if complaint:
            raise ConfigError(f"secrets/{env.secrets_file.name}: {name} {complaint}; {UNCHANGED}")


def read(env: Environment) -> bytes:
    """Return the file to change, once it is clear that nobody else would read what is added."""
    path = env.secrets_file
    if not path.is_file():
        raise Refused(
            f"secrets/{path.name} is missing; create it: inv secrets.create --env={env.name}"
        )
    if advice := conflict.advice(env):
        raise Refused(advice)
    recipients.check(path)
    return path.read_bytes()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one command at a time change the secrets of a folder; it needs no file of its own."""
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        _wait(descriptor, path)
        _remove_drafts(path)
        yield
    finally:
        os.close(descriptor)


def _wait(descriptor: int, path: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise Busy(
                    f"another command changes secrets/{path.name}, for {PATIENCE} s already; "
                    "nothing was changed, type it again when that has ended"
                ) from None
            time.sleep(0.05)
        except OSError:
            return None  # some network file systems lock no folder; `apply` compares at the end


def _remove_drafts(path: Path) -> None:
    """Remove what a change left that was killed: nobody else is at work here now."""
    ours = re.compile(rf"\.[0-9a-f]{{12}}\.{re.escape(path.name)}")
    for each in path.parent.iterdir():
        if ours.fullmatch(each.name):
            each.unlink(missing_ok=True)


def _prove(
    env: Environment,
    before: Mapping[str, object],
    draft: Path,
    values: Mapping[str, Secret],
    removed: Collection[str],
) -> None:
    """Raise ConfigError where the copy is not the file with this change, and nothing else."""
    after = encrypted_file.lint(draft)
    opened = sops.decrypt(draft, env)
    untouched = (before.keys() - values.keys() - set(removed)) - {"sops"}
    is_right = (
        after.keys() == untouched | values.keys() | {"sops"}
        and all(after[name] == before[name] for name in untouched)
        and all(opened.get(name) == value for name, value in values.items())
        and encrypted_file.recipients(draft) == encrypted_file.recipients(env.secrets_file)
    )
    if not is_right:
        raise ConfigError(
            f"secrets/{env.secrets_file.name}: sops wrote something else than it was asked to; "
            f"{UNCHANGED}"
        )
