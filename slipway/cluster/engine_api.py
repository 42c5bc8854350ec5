"""The API of a manager's engine over one command that is kept: who asks again and again asks here.

A question costs a few milliseconds of processor; a `docker` of its own for each costs twenty, and
the shell that starts it as much again.
"""

import http.client
import io
import json
from typing import Any
from urllib.parse import urlencode

from slipway.hosts.host import Dialogue

DIAL = ("docker", "system", "dial-stdio")
VERSION = "v1.41"  # Docker 20.10, the first that counts the tasks of a service
STACK = "com.docker.stack.namespace"


class EngineApi:
    """Questions to an engine, one after the other.

    Each raises OSError or http.client.HTTPException when there is no answer.
    """

    def __init__(self, dialogue: Dialogue) -> None:
        self._connection = _Connection(dialogue)

    def services(self, stack: str) -> list[dict[str, Any]]:
        """Return the services of a stack, with how many tasks each has and should have."""
        return self._get("services", status="true", filters=_of(stack))

    def tasks(self, stack: str) -> list[dict[str, Any]]:
        """Return the tasks of a stack, those that ended too."""
        return self._get("tasks", filters=_of(stack))

    def hostnames(self) -> dict[str, str]:
        """Map the id of each node to what it calls itself."""
        return {node["ID"]: node["Description"]["Hostname"] for node in self._get("nodes")}

    def _get(self, kind: str, **query: str) -> list[dict[str, Any]]:
        self._connection.request("GET", f"/{VERSION}/{kind}?{urlencode(query)}")
        response = self._connection.getresponse()
        body = response.read()
        if response.status != http.client.OK:
            raise http.client.HTTPException(f"{kind}: {response.status}")
        entries: list[dict[str, Any]] = json.loads(body)
        return entries


def _of(stack: str) -> str:
    return json.dumps({"label": [f"{STACK}={stack}"]})


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
