"""The API of a manager's engine over one command that is kept: who asks again and again asks here.

A question costs a few milliseconds of processor; a `docker` of its own for each costs twenty, and
the shell that starts it as much again.
"""

import base64
import contextlib
import http.client
import io
import json
from collections.abc import Iterator, Mapping
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote, urlencode

from slipway.errors import SlipwayError
from slipway.hosts.host import SECONDS, Dialogue, Host

DIAL = ("docker", "system", "dial-stdio")
DONE = (http.client.OK, http.client.CREATED, http.client.NO_CONTENT)
PATIENCE = 20 * SECONDS  # for an answer; a frozen machine's connection is closed before
# An engine that does not answer, or not as was expected: commands say what is wrong with it.
FAILURES = (OSError, http.client.HTTPException, SlipwayError, KeyError, TypeError, ValueError)


class EngineApi:
    """Questions to an engine, one after the other, each for what has a label.

    `now` is its clock, in seconds, as the last answer showed it. Raises FAILURES where there is no
    answer.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self._connection = _Connection(dialogue)
        self.now = 0

    def services(self, label: str) -> list[dict[str, Any]]:
        """Return services, with how many tasks each has and should have."""
        return self._get("services", label, status="true")

    def tasks(self, label: str) -> list[dict[str, Any]]:
        """Return tasks, those that ended too."""
        return self._get("tasks", label)

    def nodes(self) -> list[dict[str, Any]]:
        """Return the members of the Swarm."""
        return self._get("nodes")

    def config(self, name: str) -> bytes:
        """Return what a config holds."""
        document = self._ask(f"/configs/{quote(name, safe='')}")
        return base64.b64decode(document["Spec"]["Data"])

    def create_config(self, name: str, labels: Mapping[str, str], data: bytes) -> None:
        """Make a config. Raises FAILURES too where there is one of this name."""
        text = base64.b64encode(data).decode()
        document = {"Name": name, "Labels": dict(labels), "Data": text}
        self._ask("/configs/create", json.dumps(document))

    def remove(self, kind: str, name: str) -> None:
        """Remove an object by its name or id. Raises FAILURES too where it is in use, or gone."""
        self._ask(f"/{kind}/{quote(name, safe='')}", method="DELETE")

    def tell_time(self) -> int:
        """Return the engine's clock, in seconds."""
        self._ask("/version")
        return self.now

    def objects(self, kind: str, label: str) -> list[dict[str, Any]]:
        """Return configs, secrets or networks."""
        return self._get(kind, label)

    def _get(self, kind: str, label: str = "", **query: str) -> list[dict[str, Any]]:
        if label:
            query["filters"] = json.dumps({"label": [label]})
        entries: list[dict[str, Any]] = self._ask(f"/{kind}?{urlencode(query)}") or []
        return entries

    def _ask(self, path: str, document: str = "", method: str = "") -> Any:
        # Of no version: engines give up old ones, and what is read here has stayed since 20.10.
        headers = {"Content-Type": "application/json"} if document else {}
        method = method or ("POST" if document else "GET")
        self._connection.request(method, path, document or None, headers)
        response = self._connection.getresponse()
        body = response.read()
        if response.status not in DONE:
            raise http.client.HTTPException(f"{path}: {response.status}")
        self.now = int(parsedate_to_datetime(response.getheader("Date", "")).timestamp())
        return json.loads(body) if body else None


@contextlib.contextmanager
def dialled(manager: Host) -> Iterator[EngineApi]:
    """Keep a command to a manager's engine for a block. Raises FAILURES."""
    with manager.dial(DIAL, timeout=PATIENCE) as dialogue:
        yield EngineApi(dialogue)


class _Connection(http.client.HTTPConnection):
    """HTTP to the engine, whose socket is a command's input and output."""

    def __init__(self, dialogue: Dialogue) -> None:
        super().__init__("docker")
        self._dialogue = dialogue

    def connect(self) -> None:
        self.sock = _Socket(self._dialogue)


class _Socket:
    """As much of a socket as http.client uses."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def sendall(self, data: bytes) -> None:
        self._dialogue.write(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Answers(self._dialogue))

    def close(self) -> None:
        """Nothing: the command ends with the block that started it."""


class _Answers(io.RawIOBase):
    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._dialogue.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
