"""The hacking loop says before it builds which port is taken, and afterwards what is not well."""

import json
import socket

import pytest

from slipway.environments import hacking
from slipway.errors import Refused
from slipway.hosts.local import LocalHost
from slipway.releases import loop_failures, loop_ports
from tests.fakes.host import FakeHost

MODEL = {
    "name": "shop",
    "services": {
        "edge": {"ports": [{"target": 8080, "published": "8000", "protocol": "tcp"}]},
        "mail": {"ports": [{"target": 1080, "published": "1081"}]},
        "off": {"ports": [{"target": 1, "published": "1"}], "profiles": ["x"]},
    },
}


@pytest.mark.parametrize(
    ("out", "sentence"),
    [
        (
            'taken 8000 LISTEN users:(("node",pid=41,fd=3))',
            r"port 8000 of .*, which services.edge opens .* is taken by node .*: HACKING_PORT=8001",
        ),
        (
            "taken 1081 the container blog-mail-1",
            r"taken by the container blog-mail-1; .* services\.mail\.ports of compose\.override",
        ),
    ],
)
def test_a_taken_port_is_told_with_its_holder_and_what_to_type(out: str, sentence: str) -> None:
    host = FakeHost().answers("docker", "ps").answers("sh", out=out)
    with pytest.raises(Refused, match=sentence):
        loop_ports.check(MODEL, host)
    assert host.ran("sh")[0][-2:] == ("1081", "8000")


def test_a_port_that_the_loop_itself_has_is_not_asked_about() -> None:
    host = FakeHost().answers(
        "docker", "ps", out="127.0.0.1:8000->8080/tcp\n0.0.0.0:1081->1080/tcp"
    )
    loop_ports.check(MODEL, host)
    assert not host.ran("sh")


def test_a_port_that_a_process_here_holds_is_seen() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        edge = {"target": 8080, "published": str(port)}
        host = FakeHost().answers("docker", "ps")
        host.reacts("sh", by=lambda argv, _: LocalHost().run(argv))
        with pytest.raises(Refused, match=f"port {port} .* HACKING_PORT={port + 1} inv up"):
            loop_ports.check({"name": "shop", "services": {"edge": {"ports": [edge]}}}, host)


def test_a_container_that_is_not_well_is_told_with_its_check_and_the_answer() -> None:
    log = [{"ExitCode": 0, "Output": ""}, {"ExitCode": 1, "Output": "x\nconnection refused\n"}]
    sick = {
        "state": {"Status": "running", "Health": {"Status": "unhealthy", "Log": log}},
        "limit": 0,
        "check": {"Test": ["CMD", "curl", "-f", "http://127.0.0.1/up"]},
    }
    gone = {"state": {"Status": "exited", "ExitCode": 3}, "limit": 0, "check": None}
    well = {"state": {"Status": "running", "Health": {"Status": "healthy"}}, "limit": 0}
    done = {"state": {"Status": "exited", "ExitCode": 0}, "limit": 0}
    rows = {"web": sick, "api": gone, "db": well, "migrations": done}
    out = "".join(f"{name}\t{json.dumps(row)}\n" for name, row in rows.items())
    web, api = loop_failures.explain(FakeHost().answers("sh", out=out), "shop")
    assert web == (
        "web is unhealthy: its health check `curl -f http://127.0.0.1/up` ended with 1: connection "
        "refused; its words: inv logs --service=web"
    )
    assert api == "api is exited with 3; its words: inv logs --service=api"


def test_a_command_in_a_loop_that_does_not_run_says_what_to_type(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for out, sentence in (
        ("", r"the hacking loop does not run; start it: inv up, or .*: --env=dev --service=apy"),
        ("api\ndb\n", r"no apy runs in the hacking loop \(did you mean api\?\)"),
    ):
        host = FakeHost().answers("docker", "ps", out=out)
        monkeypatch.setattr(hacking, "LocalHost", lambda host=host: host)
        with pytest.raises(Refused, match=sentence):
            hacking.execute("apy", ["sh"], tty=False)
