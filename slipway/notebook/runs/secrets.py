"""The secrets that a run could meet, so that they are masked: of environment, shell, parameters."""

import contextlib
import os
import re
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.cells.mask import SHORTEST as SHORTEST_MASKED

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

NAMED = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|APIKEY|(^|_)(KEY|PASS|PAT|AUTH)(_|$)"
)
IN_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://[^/\s:@]*:([^/\s@]+)@", re.IGNORECASE)
# What a parameter called KEY or SECRET may hold in the open: a public key, the name of a secret.
IN_OPEN = re.compile(
    r"age1[0-9a-z]{58}|(ssh|ecdsa|sk)-\S+ AAAA\S+( .*)?|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"
)
SHORTEST = 8  # of what may be a secret: what is shorter stands in ordinary text too


class SecretLookup:
    """The search, begun at once and waited for when its answer is needed."""

    def __init__(self, env: "Environment | None") -> None:
        self._values: list[str] = []
        self._thread = threading.Thread(target=self._collect, args=(env,), daemon=True)
        self._thread.start()

    def result(self) -> list[str]:
        """Return the values; waits until they are known."""
        self._thread.join()
        return self._values

    def _collect(self, env: "Environment | None") -> None:
        self._values = secrets(env)


def secrets(env: "Environment | None", variables: Mapping[str, str] = os.environ) -> list[str]:
    """Return every value that must not be shown.

    Only this environment's file is opened. Who has no key to it cannot print what is in it
    either, so a file that does not open is no failure.
    """
    return sorted({*_of_environment(env), *_of_process(variables)})


def of_parameters(values: Mapping[str, str]) -> list[str]:
    """Return the values among a run's parameters that must not be shown.

    Whoever gives a parameter of such a name means a secret, however short or plain it is.
    """
    closed = {name: value for name, value in values.items() if not IN_OPEN.fullmatch(value)}
    named = [v for name, v in closed.items() if NAMED.search(name.upper()) and not _is_path(v)]
    return sorted({*named, *_of_process(closed)})


def refuse_unmaskable(values: Mapping[str, str]) -> None:
    """Raise UsageError for a secret parameter that is too short to be masked."""
    for name, value in values.items():
        if 0 < len(value) < SHORTEST_MASKED and value in of_parameters({name: value}):
            raise UsageError(
                f"{name}: a secret of fewer than {SHORTEST_MASKED} characters cannot be masked in "
                "what a run prints and keeps; nothing was run"
            )


def _of_environment(env: "Environment | None") -> list[str]:
    if env is None or not env.secrets_file.is_file():
        return []
    from slipway.secrets import sops

    with contextlib.suppress(SlipwayError, OSError, ValueError):
        values = sops.decrypt(env.secrets_file, sops.key_file(env))
        return [value.reveal() for value in values.values()]
    return []


def _of_process(variables: Mapping[str, str]) -> list[str]:
    values = [v for name, v in variables.items() if NAMED.search(name.upper()) and _is_secret(v)]
    for value in variables.values():
        for password in IN_ADDRESS.findall(value):
            values += [text for text in {password, unquote(password)} if len(text) >= SHORTEST]
    return values


def _is_secret(value: str) -> bool:
    """Whether it could be one: no path to a file, no plain word like `disabled`."""
    if len(value) < SHORTEST or (value.isalpha() and value.islower() and len(value) < 12):
        return False
    return not _is_path(value)


def _is_path(value: str) -> bool:
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return Path(value).expanduser().exists()
    return False
