"""The secrets that a run could meet, so that they are masked: of environment, shell, parameters."""

import contextlib
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from slipway import secret_signs
from slipway.errors import SlipwayError, UsageError
from slipway.notebook.cells.mask import Framed, Secret
from slipway.notebook.cells.spellings import SHORTEST as SHORTEST_MASKED

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

# How programs print a value beside its name: env, set -x, YAML, JSON.
ASSIGNED = (("=", ""), ("='", "'"), ('="', '"'), (": ", ""), (': "', '"'), ('": "', '"'))
# What a parameter called KEY or SECRET may hold in the open: a public key, the name of a secret.
IN_OPEN = re.compile(
    r"age1[0-9a-z]{58}|(ssh|ecdsa|sk)-\S+ AAAA\S+( .*)?|[A-Z][A-Z0-9]*(_[A-Z0-9]+)+"
)
SHORTEST = 8  # of what may be a secret: what is shorter stands in ordinary text too


class SecretLookup:
    """The search, begun at once and waited for when its answer is needed."""

    def __init__(self, env: "Environment | None") -> None:
        self._values: list[Secret] = []
        self._warnings: list[str] = []
        self._refusal: SlipwayError | None = None
        self._thread = threading.Thread(target=self._collect, args=(env,), daemon=True)
        self._thread.start()

    def result(self) -> list[Secret]:
        """Return the values; waits until they are known. Raises UntrustedProgram."""
        self._thread.join()
        if self._refusal:
            raise self._refusal
        return self._values

    def warnings(self) -> list[str]:
        """Say which of them would be seen; waits until they are known."""
        self._thread.join()
        return self._warnings

    def _collect(self, env: "Environment | None") -> None:
        try:
            opened = _opened(env)
        except SlipwayError as error:  # who opens them another way would see them unmasked
            self._refusal = error
            return
        self._values = _together(opened, os.environ)
        if env is not None:
            self._warnings = warnings(opened, env.secrets_file.name)


def secrets(env: "Environment | None", variables: Mapping[str, str] = os.environ) -> list[Secret]:
    """Return every value that must not be shown.

    Only this environment's file is opened. Who has no key to it cannot print what is in it
    either, so a file that does not open is no failure.
    """
    return _together(_opened(env), variables)


def of_parameters(values: Mapping[str, str]) -> list[Secret]:
    """Return the values among a run's parameters that must not be shown.

    Whoever gives a parameter of such a name means a secret, however short or plain it is.
    """
    closed = {name: value for name, value in values.items() if not IN_OPEN.fullmatch(value)}
    is_named = secret_signs.NAME.search
    named = [v for name, v in closed.items() if is_named(name.upper()) and not _is_path(v)]
    return _sorted([*named, *_of_process(closed)])


def warnings(opened: Mapping[str, str], file: str) -> list[str]:
    """Say which values of a file of secrets are too short to be masked everywhere."""
    names = [name for name, value in sorted(opened.items()) if _is_short(value)]
    text = (
        f"{', '.join(names)} of secrets/{file}: shorter than {SHORTEST_MASKED} characters, so "
        "masked only beside its name"
    )
    return [f"{text} ({names[0]}=***); make it longer"] if names else []


def refuse_unmaskable(values: Mapping[str, str]) -> None:
    """Raise UsageError for a secret parameter that is too short to be masked."""
    for name, value in values.items():
        if 0 < len(value) < SHORTEST_MASKED and value in of_parameters({name: value}):
            raise UsageError(
                f"{name}: a secret of fewer than {SHORTEST_MASKED} characters cannot be masked in "
                "what a run prints and keeps; nothing was run"
            )


def _together(opened: Mapping[str, str], variables: Mapping[str, str]) -> list[Secret]:
    return _sorted([*of_environment(opened), *_of_process(variables)])


def _sorted(values: Iterable[Secret]) -> list[Secret]:
    return sorted({*values}, key=lambda value: (isinstance(value, Framed), tuple(value)))


def _opened(env: "Environment | None") -> dict[str, str]:
    if env is None or not env.secrets_file.is_file():
        return {}
    from slipway.secrets import composition, sops
    from slipway.secrets.programs import UntrustedProgram

    try:
        values = sops.decrypt(env.secrets_file, env)
    except UntrustedProgram:
        raise
    except (SlipwayError, OSError, ValueError):
        return {}
    values |= composition.values(env, values)
    return {name: value.reveal() for name, value in values.items()}


def of_environment(opened: Mapping[str, str]) -> Iterator[Secret]:
    """What is in the file is secret whatever it looks like: a path, a plain word."""
    for name, value in opened.items():
        yield value
        yield from _in_addresses(value)
        if _is_short(value):
            for before, after in ASSIGNED:
                yield Framed(name + before, value.strip(), after)


def _of_process(variables: Mapping[str, str]) -> Iterator[Secret]:
    for name, value in variables.items():
        if secret_signs.NAME.search(name.upper()) and _is_secret(value):
            yield value
        yield from _in_addresses(value)


def _in_addresses(text: str) -> Iterator[Secret]:
    """Yield passwords in URLs: one that would riddle other text is masked in addresses alone."""
    for scheme, user, password in secret_signs.ADDRESS.findall(text):
        for each in sorted({password, unquote(password)}):
            yield Framed(f"//{user}:", each, "@")
            if len(each) >= SHORTEST and each not in (scheme, user):
                yield each


def _is_short(value: str) -> bool:
    return 0 < len(value.strip()) < SHORTEST_MASKED


def _is_secret(value: str) -> bool:
    """Whether it could be one: no path to a file, no plain word like `disabled`."""
    if len(value) < SHORTEST or (value.isalpha() and value.islower() and len(value) < 12):
        return False
    return not _is_path(value)


def _is_path(value: str) -> bool:
    """Whether it names a file; a word that happens to be the name of one is no path."""
    if "/" not in value:
        return False
    with contextlib.suppress(OSError, ValueError, RuntimeError):
        return Path(value).expanduser().exists()
    return False
