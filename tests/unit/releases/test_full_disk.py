"""A rollback while a manager's disk is full: how it ends, and what it says of what serves."""

import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from slipway.cluster import lease
from slipway.cluster.observed import OBSERVE
from slipway.edge import edges
from slipway.environments import environment
from slipway.errors import SlipwayError
from slipway.hosts import batch
from slipway.hosts.host import CommandResult
from slipway.images import ship
from slipway.machines.connect import Cluster
from slipway.releases import deploy, stack
from slipway.releases.compose_labels import Role
from slipway.releases.release import Release
from slipway.releases.serving import Serving
from tests.fakes.front_door import front_door
from tests.fakes.host import FakeHost, batched
from tests.fakes.reporter import RecordingReporter
from tests.unit.releases.running_swarm import IMAGES, RELEASE, describe, line, node

PROD = environment.load("prod")
ENV = replace(PROD, settings={**PROD.settings, "SETTLE_TIME": "0"})
EARLIER = replace(RELEASE, number=2, commit="beef")
SERVES = Serving(ENV, Cluster(FakeHost(), {}), RELEASE, "blue").routing.ident
FULL = "Error response from daemon: rpc error: code = Unknown desc = write: no space left on device"
ROOM = "; make room: runbooks/disk-full.md"
ROLES: tuple[Role, ...] = ("data", "ops", "edge")


def swarm() -> str:
    """What a manager says: release 3 serves in blue, and release 2 did before."""
    stacks: dict[str, stack.Stack] = {
        role: stack.fingerprinted(ENV, RELEASE, role) for role in ROLES
    }
    stacks["blue"] = stack.colour_stack(ENV, RELEASE, "blue")
    stacks["signpost"] = stack.signpost_stack(ENV, RELEASE, "routes", SERVES, 1)
    facts = {"slipway.result": "live", "slipway.release": "2", "slipway.colour": "green"}
    past = [
        line("config", number, f"{ENV.prefix}.{name}", facts)
        for number, name in ((-2, "release.00002"), (-1, "event.0"))
    ]
    return "\n".join([*describe(ENV, stacks), *past, node("m1")])


def manager(*full: str) -> FakeHost:
    """A manager on which these commands meet a full disk; all others do what they shall."""
    images = "".join(f"{image}\t[]\t[]\n" for image in IMAGES.values())
    answers = {OBSERVE: swarm(), lease.ACQUIRE: "taken\n", ship.HAVE: images}

    def run(argv: Sequence[str], stdin: bytes) -> CommandResult:
        if argv[2] == batch.RUN:
            return batched(argv, lambda each: run(each, b""))
        is_full = "acquire" in full and argv[2] == lease.ACQUIRE
        text = f"{SERVES}\n" if argv[2] == edges.ASK and "which" in argv else answers.get(argv[2])
        return CommandResult("m1", tuple(argv), int(is_full), text or "", FULL if is_full else "")

    def read(argv: Sequence[str], stdin: bytes) -> CommandResult:
        release: Release = EARLIER if argv[-1].endswith("00002") else RELEASE
        return CommandResult("m1", tuple(argv), 0, release.to_json(), "")

    host = FakeHost("m1", otherwise=0).reacts("sh", by=run)
    host.reacts("docker", "config", "inspect", by=read)
    for words in full:
        host.answers("docker", *words.split(), code=1, err=FULL)
    return host


LEASE = f"m1: the lease on {ENV.prefix} cannot be written: {FULL}{ROOM}. Nothing was changed"
EVENT = f"m1: the ledger cannot be written, at {ENV.prefix}.event.N: {FULL}{ROOM}"
STACK = (
    "m1: `docker stack deploy --detach=true --resolve-image=never --prune --compose-file …` "
    f"ended with 1: {FULL}{ROOM}"
)


@pytest.mark.parametrize(
    ("full", "code", "reason", "told"),
    [
        (("acquire", "config create"), 3, LEASE, []),
        (("config create",), 4, f"release 2 (beef) was rolled back: {EVENT}", ["green", "blue"]),
        (("stack deploy", "config create"), 4, f"release 2 (beef) was rolled back: {STACK}", []),
    ],
    ids=["lease", "ledger", "stack"],
)
def test_a_rollback_on_a_full_disk_says_what_serves_and_what_to_do(
    full: tuple[str, ...], code: int, reason: str, told: list[str]
) -> None:
    host, reporter = manager(*full), RecordingReporter()
    with front_door(SERVES) as door, pytest.raises(SlipwayError) as caught:
        cluster = Cluster(host, {"m1": host}, entrances={"m1": door.entrance})
        deploy.return_to(ENV, cluster, reporter)
    assert caught.value.exit_code == code
    text = re.sub(r"event\.\d{8}T\d+", "event.N", str(caught.value))
    assert text.splitlines() == [reason, "release 3 (c0ffee) serves as before"]
    assert not [note for note in reporter.notes if "could not undo" in note]
    idents = [argv[-1] for argv in host.ran("sh") if argv[2] == edges.TELL]
    assert [ident.split("-")[2] for ident in idents] == told
