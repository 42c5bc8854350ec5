"""Secrets looked for wherever one could have got to, in each form that programs give them."""

import base64
import json
import re
import secrets
import subprocess
import urllib.parse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.e2e.checkout import ROOT, Checkout, docker
from tests.e2e.process_watch import ProcessWatch
from tests.e2e.rig import Rig

# Where a value is planted to see that it is found there: what the place is called, in which form.
PLACES = {
    "processes": ("processes", "raw"),
    "environments": ("environments: PLANTED", "base64"),
    "a config of the Swarm": ("inspect of ", "base64"),
    "a label": ("inspect of ", "URL"),
    "a layer of an image": ("/planted-layer", "hex"),
    "the history of an image": ("history of ", "hex"),
    "the log of a container": ("logs of ", "JSON"),
    "a disk": ("/root/planted", "hex"),
    "the system's log": ("/var/log/planted", "URL"),
    "a core file": ("/var/lib/docker/core.planted", "raw"),
    "a temporary folder": ("/tmp/planted", "JSON"),
    "a temporary folder of a container": ("/root/tmp/planted", "base64"),
    "a record of a run": ("/.slipway/runs/planted", "raw"),
    "a temporary folder here": ("/tmp/slipway-planted", "hex"),
    "git": ("git objects", "raw"),
}
# Reads the patterns from its input, which no list of processes shows; prints file and match.
# What has not changed since the secrets were made does not hold them.
ON_DISK = r"""
set -u; export LC_ALL=C; patterns=$(mktemp -p /dev/shm); trap 'rm -f "$patterns"' EXIT
cat >"$patterns"
find / /run /tmp /var/lib/docker -xdev \( -path /proc -o -path /sys -o -path /dev/shm \) -prune \
    -o -type f -newerct "@$1" -size -512M -print0 | xargs -0 -r grep -aFHof "$patterns" --
for pid in $(docker ps -q | xargs -r docker inspect -f '{{.State.Pid}}'); do
    for folder in tmp var/tmp dev/shm run; do
        find "/proc/$pid/root/$folder/" -xdev -path '*/run/secrets/*' -prune \
            -o -type f -print0 2>/dev/null
    done
done | xargs -0 -r grep -aFHof "$patterns" --
exit 0
"""
INSPECTED = r"""
export LC_ALL=C
for kind in container service config secret network volume image node; do
    [ $kind = container ] && ids=$(docker ps -aq) || ids=$(docker $kind ls -q)
    [ -z "$ids" ] || docker $kind inspect $ids
done
"""
HISTORY = r"""
for id in $(docker image ls -q | sort -u); do
    docker history --no-trunc --format '{{json .}}' $id
done
"""
RUN = "docker run -i --user=0 --read-only=false --entrypoint=sh --name"
UNPLANT = """
docker rm --force planted planted-log planted-tmp; docker image rm planted
docker config rm planted; docker network rm planted
rm -f /root/planted /var/log/planted /var/lib/docker/core.planted /tmp/planted
"""
LOGGED = 'for id in $(docker ps -aq); do docker logs "$id" 2>&1 || :; done'


def new(prefix: str = "canary") -> str:
    """Return a value that exists once, and that each form writes otherwise."""
    return f"{prefix}/{secrets.token_hex(8)}+=&<\"'z"


def forms(value: str) -> Mapping[str, set[bytes]]:
    """Return how a value may be written; of base64 what is sure, wherever the value stands."""
    data = value.encode()
    aligned = set()
    for offset in range(3):
        coded = base64.b64encode(bytes(offset) + data)
        sure = coded[-(-offset * 8 // 6) : (offset + len(data)) * 8 // 6]
        aligned |= {sure, sure.translate(bytes.maketrans(b"+/", b"-_"))}
    written = json.dumps(value)[1:-1]
    in_go = written.replace("&", "\\u0026").replace("<", "\\u003c")
    quoted = {urllib.parse.quote(value, safe=safe).encode() for safe in ("", "/")}
    return {
        "raw": {data},
        "base64": aligned,
        "hex": {data.hex().encode(), data.hex().upper().encode()},
        "URL": quoted,
        "JSON": {written.encode(), in_go.encode()},
    }


@dataclass
class Hits:
    """Which value was met where, in which form."""

    values: Mapping[str, str]  # by what people call them
    met: set[tuple[str, str, str]] = field(default_factory=set)  # name, place, form

    def __post_init__(self) -> None:
        self._patterns = {
            pattern: (name, form)
            for name, value in self.values.items()
            for form, patterns in forms(value).items()
            for pattern in patterns
        }
        any_of = sorted(self._patterns, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, any_of)))

    @property
    def patterns(self) -> bytes:
        return b"".join(pattern + b"\n" for pattern in self._patterns)

    def look(self, place: str, data: bytes) -> None:
        """Search in data, and in what base64 of it says."""
        for match in self._pattern.finditer(data):
            name, form = self._patterns[match[0]]
            self.met.add((name, place, form))

    def of(self, name: str) -> set[tuple[str, str]]:
        """Return place and form of each hit of a value."""
        return {(place, form) for each, place, form in self.met if each == name}


@contextmanager
def planted(rig: Rig, values: Mapping[str, str]) -> Iterator[None]:
    """Put each value into its place for a block, in the form that `PLACES` says."""
    texts = {place: min(forms(values[place])[form]) for place, (_, form) in PLACES.items()}
    texts["a config of the Swarm"] = values["a config of the Swarm"].encode()  # shown in base64
    machine, checkout = rig.container("m1"), rig.checkout
    named = ("image", "ls", "--quiet", "--filter", f"reference={checkout.project}/ops")
    image = docker("exec", machine, "docker", *named).split()[0]
    here = checkout.path(".slipway/runs/planted"), Path(f"/tmp/slipway-planted-{checkout.project}")
    inside = ["docker", "exec", "-i", machine]
    put = {
        "a disk": "cat >/root/planted",
        "the system's log": "cat >/var/log/planted",
        "a core file": "cat >/var/lib/docker/core.planted",
        "a temporary folder": "cat >/tmp/planted",
        "a config of the Swarm": "docker config create planted -",
        "a label": 'docker network create --label "is=$(cat)" planted',
        "a layer of an image": f"{RUN} planted {image} -c 'cat >/planted-layer'",
        "the log of a container": f"{RUN} planted-log {image} -c cat",
        "the history of an image": 'docker commit --message "$(cat)" planted planted',
        "a temporary folder of a container": f"{RUN} planted-tmp --detach {image} -c 'sleep 300'; "
        "docker exec -i planted-tmp sh -c 'cat >/tmp/planted'",
        "processes": 'sh -c "sleep 2; :" "$(cat)"',
        "environments": 'PLANTED=$(cat) sh -c "sleep 2; :"',
    }
    try:
        for place, command in put.items():
            done = subprocess.run([*inside, "sh", "-c", command], input=texts[place], check=False)
            assert done.returncode == 0, f"{place}: {command}"
        for path, place in zip(here, ("a record of a run", "a temporary folder here"), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(texts[place])
        argv = ["git", "-C", str(checkout.root), "hash-object", "-w", "--stdin"]
        subprocess.run(argv, input=texts["git"], capture_output=True, check=True)
        yield
    finally:
        subprocess.run([*inside, "sh", "-c", UNPLANT], capture_output=True, check=False)
        for path in here:
            path.unlink(missing_ok=True)


def search(rig: Rig, watch: ProcessWatch, values: Mapping[str, str]) -> Hits:
    """Look everywhere: processes, engines, disks of machines, this computer's files, git."""
    hits, since = Hits(values), rig.secrets_since
    machines = [rig.container(name) for name in rig.ports]
    with ThreadPoolExecutor() as pool:
        told = pool.map(_told, machines)
        on_disks = pool.map(lambda machine: _on_disk(machine, hits.patterns, since), machines)
        here = pool.submit(_here, rig.checkout, hits.patterns)
        objects = pool.submit(_objects, rig.checkout)
        for machine, texts in zip(machines, told, strict=True):
            for place, data in texts.items():
                hits.look(f"{place} of {machine}", data)
        for lines in (*on_disks, here.result()):
            for line in lines.splitlines():
                path, _, match = line.rpartition(b":")
                hits.look(path.decode(errors="replace"), match)
        hits.look("git objects", objects.result())
    hits.look("processes", b"\n".join(watch.heard))
    for variable, line in watch.environments.copy().items():
        name = variable.partition(b"=")[0]
        hits.look(f"environments: {name.decode()} of {line[:60]!r}", variable)
    for said in rig.checkout.said:
        hits.look(f"what inv {' '.join(said.words[:2])} said", said.text.encode())
    return hits


def _told(machine: str) -> dict[str, bytes]:
    """Return what a machine's engine tells of all its objects, of images, and of logs."""
    inside = ("docker", "exec", machine, "sh", "-c")
    texts = {"inspect": INSPECTED, "history": HISTORY, "logs": LOGGED}
    told = {place: _output([*inside, text]) for place, text in texts.items()}
    return {**told, "inspect from outside": _output(["docker", "inspect", machine])}


def _on_disk(machine: str, patterns: bytes, since: int) -> bytes:
    """Return `machine:path:match` for each match on the machine's disk and in temporary folders."""
    script = ["sh", "-c", ON_DISK, "sh", str(since)]
    text = _output(["docker", "exec", "-i", machine, *script], patterns)
    return b"".join(f"{machine}:".encode() + line + b"\n" for line in text.splitlines())


def _here(checkout: Checkout, patterns: bytes) -> bytes:
    """Return the same for the clone, with its records, its home and the temporary folder."""
    temporary = list(Path("/tmp").glob("slipway*"))
    paths = [checkout.root, checkout.home, *temporary]
    return _output(["grep", "-raFHof", "-", "--", *map(str, paths)], patterns)


def _objects(checkout: Checkout) -> bytes:
    """Return all that this clone has in git and its origin has not."""
    listed = ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]
    roots = (checkout.root, ROOT)
    own, others = ({*_output(["git", "-C", str(root), *listed]).split()} for root in roots)
    names = b"".join(name + b"\n" for name in own - others)
    return _output(["git", "-C", str(checkout.root), "cat-file", "--batch"], names)


def _output(argv: list[str], data: bytes = b"") -> bytes:
    return subprocess.run(argv, input=data, capture_output=True, check=False).stdout
