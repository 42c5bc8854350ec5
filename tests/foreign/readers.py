"""What reads something foreign, each with something whole to read."""

import base64
import contextlib
import io
import json
import tarfile
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from slipway.agent.channel import Channel, Message
from slipway.backups.format import catalogue, manifest, sums, toc
from slipway.backups.format.signature import SigningKey, Trust
from slipway.backups.schedule import job_results
from slipway.client import activity, call
from slipway.client.container import Container
from slipway.client.pitr.pgbackrest import Archive
from slipway.cluster import lease, ledger, observed, swarm
from slipway.environments import envfile
from slipway.hosts import known_hosts, ssh_config
from slipway.hosts.answers import reading
from slipway.images import archive, credentials, ship, sources
from slipway.machines import engine, survey, unpacking
from slipway.notebook.cells import output
from slipway.notebook.reading import parse as markdown
from slipway.notebook.records import event
from slipway.progress import SILENT
from slipway.releases import existing_objects, history, preflight, stack_watch, task_failures
from slipway.releases.task_failures import Task
from slipway.secrets import encrypted_file, rules
from slipway.show.writer import harmless
from slipway.storage.folder import FolderStore
from tests.fakes.host import FakeHost
from tests.fakes.stored_backup import BLANK, put
from tests.unit.releases import running_swarm

ID = "20261122T021500Z-0a1b"
MANIFEST = replace(BLANK, id=ID).to_json().encode()
SIGNING = SigningKey(bytes(32))
TRUST = Trust({SIGNING.public: "operations"}, SIGNING)
SIGNED = replace(BLANK, id=ID).to_json(TRUST)
APP = running_swarm.ENV.prefix
STACKS = running_swarm.standing(running_swarm.ENV)
WHOLE_SWARM = "\n".join(running_swarm.describe(running_swarm.ENV, STACKS))
NODE = running_swarm.node("m1").partition("\t")[2]
KEY = base64.b64encode(b"\0\0\0\x0bssh-ed25519" + bytes(40)).decode()


@dataclass(frozen=True)
class Reader:
    """A function that takes bytes from elsewhere, and some that it takes."""

    read: Callable[[bytes], object]
    whole: Sequence[bytes]


def asked(ask: Callable[[FakeHost], object]) -> Callable[[bytes], object]:
    """Read what a machine answers, whatever it is asked."""
    return lambda data: ask(FakeHost("m1").answers(out=data.decode(errors="replace")))


def in_file(read: Callable[[Path], object], name: str) -> Callable[[bytes], object]:
    """Read a file of this name."""

    def written(data: bytes) -> object:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, name)
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data)
            return read(path)

    return written


def _from_wire(data: bytes) -> list[Message]:
    stream, messages = io.BytesIO(data), []
    channel = Channel(stream.read, lambda data: None)
    while (message := channel.receive()) is not None:
        messages.append(message)
    return messages


def _from_agent(data: bytes) -> object:
    stream = io.BytesIO(data)
    channel = Channel(stream.read, lambda data: None)
    return call._receive_reply(channel, SILENT, None)


def _observed(data: bytes) -> object:
    host = FakeHost("m1").answers(out=data.decode(errors="replace"))
    state = observed.observe(host, APP)
    events = ledger.entries(state, APP)
    ledger.numbers(state, APP)
    ledger.obsolete(state, APP, 2)
    ledger.another_database(state, APP)
    return ledger.previous(events)


def _archive(data: bytes) -> Archive:
    host = FakeHost("m1").answers(out=data.decode(errors="replace"))
    return Archive(Container(host, "db", "prod"))


def _catalogue(data: bytes, key: Callable[[str], str]) -> object:
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder, "backups"), "backups")
        put(store, ID)
        store.put(key(ID), [data])
        listed = catalogue.read(store)
        return [(b.id, b.is_verified, b.recovery_seconds, b.manifest.rows) for b in listed.backups]


def _job(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        store = FolderStore(Path(folder, "store"), "backups")
        store.put("runs/backup.json", [data])
        (Path(folder) / "runs").mkdir()
        (Path(folder) / "runs" / "backup.json").write_bytes(data)
        return job_results.read_all(store, Path(folder))


def _unpacked(data: bytes) -> object:
    with tempfile.TemporaryDirectory() as folder:
        path, inside = Path(folder, "a.tar"), Path(folder, "inside")
        path.write_bytes(data)
        inside.mkdir()
        unpacking.unpack(path, inside)
        return sorted(each.name for each in inside.rglob("*"))


def _thinned(data: bytes) -> object:
    with contextlib.suppress(tarfile.ReadError):  # what sent it is asked how it ended
        return sum(map(len, archive.thinned(io.BytesIO(data), ["sha256:aa"])))
    return None


def _known(path: Path) -> object:
    keys = known_hosts.pinned(path, "m1", 22)
    known_hosts.pin(path, "m2", 22, keys)
    known_hosts.forget(path, "m1", 22)
    return [key.fingerprint for key in keys]


def _existing(data: bytes) -> object:
    host = FakeHost("m1").answers(out=data.decode(errors="replace"))
    existing_objects._check_volumes(running_swarm.ENV, host, {"v": {"name": "v"}})
    return None


def _record(data: bytes) -> object:
    host = FakeHost("m1").answers(out=data.decode(errors="replace"))
    state = observed.parse(WHOLE_SWARM)
    return history.read(host, state, APP, 3).label


def _one_container(host: FakeHost) -> FakeHost:
    return host.answers("docker", "ps", out="container")


def _contents(data: bytes) -> object:
    text = data.decode(errors="replace")
    return toc.parse(text.splitlines(), toc.needs(text))


def _rules(path: Path) -> object:
    return [rule.matches("secrets/x") for rule in rules.read(path.parent / "secrets")]


def _ports(data: bytes) -> object:
    with reading("m1", "its ports"):
        return preflight.parse(data.decode(errors="replace"))


def tar(*names: str) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as made:
        for name in names:
            member = tarfile.TarInfo(name)
            member.size = 5
            made.addfile(member, io.BytesIO(b"bytes"))
    return stream.getvalue()


def _lines(*documents: object) -> bytes:
    return b"\n".join(json.dumps(each).encode() for each in documents)


TASK = {"ID": "t", "Name": "s_api.1", "Node": "n", "CurrentState": "Running 2 s ago"}
TASK |= {"DesiredState": "Running", "Error": ""}
FAILED = Task("api", "m1", "Failed", "Running", "", "t")
LEASE = {"slipway.at": "990", "slipway.token": "t", "slipway.owner": "a@b", "slipway.reason": "x"}
BASE = {"label": "b", "type": "full", "timestamp": {"start": 1, "stop": 2}, "error": False}
BASE |= {"database": {"id": 1, "repo-key": 1}, "archive": {"start": "0" * 24, "stop": "0" * 24}}
BASE |= {"info": {"size": 1, "repository": {"delta": 1}}}
STANZA = {"repo": [{"status": {"code": 0, "message": "ok"}}], "backup": [BASE]}
STANZA |= {"archive": [{"id": "17-1", "database": {"id": 1, "repo-key": 1}}]}
STANZA |= {"db": [{"id": 1, "version": "17"}]}
FACTS = "uid=0\nsudo=yes\ndirect=yes\ndenied=no\nfree=9\nuser=root\nsystem=debian\nversion=13\n"
FACTS += "codename=x\npretty=x\nendpoint=\ncli=x\n"
FACTS += "init=systemd\ndaemon=1\nengine=28.0\ncompose=2.26\nbuildx=0.13\n--\n{}"
SURVEY = "clock=1\nfree_mb=5\naddresses=10.0.0.1\nsource=10.0.0.1\nsockets=yes\n"
SURVEY += 'listens=0.0.0.0:22 users:(("sshd",pid=1,fd=3))\n'
SWARM = {"LocalNodeState": "active", "NodeID": "n", "ControlAvailable": True, "NodeAddr": "a"}
SWARM |= {"RemoteManagers": [{"Addr": "10.0.0.1:2377"}], "Error": ""}
PROOF = {"version": 1, "drill": {"at": "2026-11-22T02:15:00Z", "seconds": 1.5, "ok": True}}
JOB = {"job": "backup", "state": "ok", "began": "2026-11-22T02:15:00Z", "seconds": 2.5}
CONTAINER: dict[str, object] = {
    "state": {"OOMKilled": True, "ExitCode": 1, "Health": {"Log": [{"Output": "x"}]}}
}
CONTAINER |= {"limit": 5}
EVENT = {"event": 1, "at": "2026-11-22T02:15:00.000Z", "kind": "end", "cell": "a", "n": 1}
EVENT |= {"outcome": "passed", "seconds": 1.0, "left": ["x"], "missing": []}
MESSAGES = b'{"kind": "note", "bytes": 0, "text": "a"}\n{"kind": "progress", "bytes": 2, '
MESSAGES += b'"what": "a", "done": 1, "total": 2}\nxx{"kind": "step", "bytes": 0, "event": '
MESSAGES += b'"started", "step": "a", "text": "b"}\n'
RESULT = MESSAGES + b'{"kind": "error", "bytes": 0, "code": 3, "text": "a"}\n'
SOPS = b"A: ENC[AES256_GCM,data:a,iv:b,tag:c,type:str]\nsops:\n  age:\n  - recipient: age1x\n"
SOPS_RULES = b"creation_rules:\n- path_regex: ^secrets/dev\\.sops\\.yaml$\n  age: [age1x]\n"
RUNBOOK = (
    b"---\nrisk: low\n---\n# A\n\n## Steps\n\n```sh {id=a timeout=5}\ninv status\n```\n- [ ] b\n"
)
SSH = b"hostname a\nuser b\nport 22\nproxyjump c@d:2\nidentityfile ~/.ssh/x\n"

READERS: dict[str, Reader] = {
    "messages of the channel": Reader(_from_wire, [MESSAGES]),
    "what an agent says": Reader(_from_agent, [RESULT]),
    "a manifest": Reader(lambda data: manifest.parse(data), [MANIFEST]),
    "a signed manifest": Reader(
        lambda data: manifest.parse_signed(data, ID, TRUST), [SIGNED.encode()]
    ),
    "a manifest in a store": Reader(
        lambda data: _catalogue(data, catalogue.manifest_key), [MANIFEST]
    ),
    "a proof in a store": Reader(
        lambda data: _catalogue(data, catalogue.proof_key), [json.dumps(PROOF).encode()]
    ),
    "the result of a job": Reader(_job, [json.dumps(JOB).encode()]),
    "a table of contents": Reader(
        _contents,
        [b"5; 1259 16384 TABLE public people ada\n;\tdepends on: 4 3\n"],
    ),
    "rows of a dump": Reader(
        lambda data: sums.of(data.splitlines(keepends=True)), [b"COPY a (b) FROM stdin;\n1\n\\.\n"]
    ),
    "what a Swarm runs": Reader(_observed, [WHOLE_SWARM.encode()]),
    "the record of a release": Reader(_record, [running_swarm.RELEASE.to_json().encode()]),
    "a lease": Reader(
        asked(lambda host: lease.holder_of(host, APP)),
        [b"1000\n" + _lines({"ID": "i", "Spec": {"Labels": LEASE}}) + b"\na.beat.t.995\n"],
    ),
    "a place in a Swarm": Reader(asked(swarm.membership), [_lines(SWARM)]),
    "machines of a Swarm": Reader(asked(swarm.nodes), [NODE.encode()]),
    "tasks of a stack": Reader(
        asked(lambda host: stack_watch.look(host, "s")),
        [b"task\t" + _lines(TASK) + b'\nservice\t{"Replicas": "1/2 (max 1)"}\nupdate\tx'],
    ),
    "which tasks are lost": Reader(
        asked(lambda host: observed.lost_tasks(host, ["s"], ["n"])), [_lines(TASK, TASK)]
    ),
    "why a task failed": Reader(
        asked(lambda host: task_failures.diagnose(FAILED, [host])),
        [_lines(CONTAINER)],
    ),
    "volumes": Reader(_existing, [b'volume {"Name": "v", "Driver": "local", "Options": null}']),
    "images": Reader(
        asked(lambda host: sources.inspect(host, ["a:1"])), [b'["a:1"]\t[]\tsha256:a\t{"a": "b"}']
    ),
    "layers of images": Reader(
        asked(ship._present), [b'sha256:a\t["sha256:b"]\t["a:1"]\nsha256:c\tnull\tnull\n']
    ),
    "a config of docker": Reader(
        lambda data: credentials.helper(data.decode(errors="replace"), "hub"),
        [b'{"credHelpers": {"hub": "x"}, "credsStore": "y"}'],
    ),
    "facts of an engine": Reader(asked(engine.look), [FACTS.encode()]),
    "a survey": Reader(asked(survey.look), [SURVEY.encode()]),
    "free ports": Reader(_ports, [b'free 5000\ntaken 80 users:(("a",pid=1))\nunseen 443\n']),
    "what an agent does": Reader(
        asked(lambda host: activity.look([_one_container(host)], "a", ["ops"])),
        [b"5\tagent backup\tx\n"],
    ),
    "base backups": Reader(lambda data: _archive(data).bases(), [_lines([STANZA])]),
    "archived files": Reader(
        lambda data: _archive(data).files(),
        [json.dumps({f"17-1/{'0' * 16}/{'0' * 24}-{'a' * 40}.zst": {"time": 5}}).encode()],
    ),
    "the archiver": Reader(
        lambda data: _archive(data).state(),
        [b'{"now": 5, "stored": null, "failed": 1, "waiting": 2}'],
    ),
    "a folder of a machine": Reader(_unpacked, [tar("./a", "./b")]),
    "an archive of images": Reader(_thinned, [tar("blobs/sha256/aa", "index.json")]),
    "known hosts": Reader(in_file(_known, "known_hosts"), [f"m1 ssh-ed25519 {KEY}\n".encode()]),
    "answers of ssh -G": Reader(
        lambda data: ssh_config.parse("a", data.decode(errors="replace")), [SSH]
    ),
    "an env file": Reader(in_file(envfile.read, "compose/a.env"), [b"A=1\nB='x y'\n# c\n"]),
    "rules of sops": Reader(
        in_file(_rules, ".sops.yaml"),
        [SOPS_RULES],
    ),
    "a file of sops": Reader(in_file(encrypted_file.recipients, "secrets/dev.sops.yaml"), [SOPS]),
    "a runbook": Reader(in_file(lambda path: markdown.read(path), "a.md"), [RUNBOOK]),
    "a log": Reader(in_file(output.excerpt, "a.log"), [b"a\x1b[1mb\r\nc\n"]),
    "a line of others": Reader(
        lambda data: harmless(data.decode(errors="replace")), [b"a\x1b[1mb\n"]
    ),
    "an event of a run": Reader(event.parse_line, [json.dumps(EVENT).encode()]),
}
