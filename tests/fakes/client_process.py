"""The client's side of a call as a process of its own, so that a test can end it.

`python -m tests.fakes.client_process JSON` prints what comes back, and the memory it took, as JSON.
"""

import contextlib
import dataclasses
import json
import re
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, cast

from slipway.agent.codec import decode
from slipway.agent.messages.request import Request
from slipway.client import call
from slipway.client.container import Container
from slipway.client.grant import Grant
from slipway.errors import SlipwayError
from slipway.hosts.host import Host, Process
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import SshHost
from slipway.hosts.ssh_route import SshRoute
from slipway.progress import Silent
from slipway.storage.folder import FolderStore
from slipway.storage.store import Store
from tests.fakes import rehearsal


class ClientSession:
    """A host on which the test's own verbs are asked for instead of the real ones."""

    def __init__(self, host: Host, silence: float = 0.0) -> None:
        self.name = host.name
        self._host = host
        self._more = ["--silence", str(silence)] if silence else []

    def open(self, argv: Sequence[str]) -> AbstractContextManager[Process]:
        swapped = ["rehearsal" if word == "slipway.agent" else word for word in argv]
        return self._host.open([*swapped, *self._more])


def place(host: Host, container: str, silence: float = 0.0) -> Container:
    """An ops container whose agent knows the test's own verbs."""
    return Container(cast(Host, ClientSession(host, silence)), container, "testing")


def everything(store: Store) -> Grant:
    """Grant the keys that the test's own verbs use."""
    large = ("large.dump.age", "one-0.dump.age", "one-1.dump.age", "held.dump.age")
    keys = (*large, "small", "broken")
    return Grant(store, reads=keys, creates=keys)


class ClientProcess(Silent):
    """A report on stderr."""

    def note(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def peak() -> int:
    """Return the most memory we ever held; getrusage would count that of who started us too."""
    status = Path("/proc/self/status").read_text()
    return int(re.findall(r"^VmHWM:\s*(\d+) kB$", status, re.MULTILINE)[0]) * 1024


def main(asked: dict[str, Any]) -> int:
    host: Any = LocalHost("here")
    if over := asked.get("ssh"):
        known, identity = Path(over["known"]), Path(over["identity"])
        host = SshHost(SshRoute("m1", "127.0.0.1", "deploy", over["port"], known, identity))
    where = place(host, asked["container"], asked.get("silence", 0))
    store = FolderStore(Path(asked["folder"]), "backups/testing")
    kinds = {kind.verb: kind for kind in rehearsal.REQUESTS}
    request = cast(Request[Any], decode(kinds[asked["verb"]], asked.get("request", {})))
    with contextlib.closing(host):
        try:
            reply = call.call(where, request, ClientProcess(), everything(store))
        except SlipwayError as error:
            print(json.dumps({"error": str(error), "code": error.exit_code}))
            return error.exit_code
        except KeyboardInterrupt:
            print(json.dumps({"error": "interrupted", "code": 130}))
            return 130
    print(json.dumps(dataclasses.asdict(reply) | {"own_peak": peak()}))
    return 0


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
