"""Many deploys in a row on three machines under load, and commands killed after each step."""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e import rig
from tests.e2e.checkout import Checkout
from tests.e2e.rig import Rig
from tests.load.running import load
from tests.soak.rows import Rows
from tests.waiting import MINUTES, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.hosts]
PAGE = "compose/web/site/index.html"
ENV = f"--env={rig.ENV}"
RATE = 100.0  # requests a second on each machine, beside the deploys
GENTLE = 10.0
STEADY = 10  # deploys until as many releases and events are kept as ever will be
# What a machine's engine holds, a kind and a count on each line.
HELD = """
for kind in container network volume image config secret; do
  case $kind in container) all=--all ;; *) all= ;; esac
  echo "$kind $(docker $kind ls $all --quiet 2>/dev/null | sort -u | wc -l)"
done
echo "events $(docker config ls --format '{{.Name}}' 2>/dev/null | grep -c '[.]event[.]')"
"""
# Kilobytes of each edge that runs; one that ends its last streams may be beside its successor.
MEMORY = """
for id in $(docker ps --quiet --filter label=slipway.service=edge); do
  docker top "$id" -eo pid | sed '1d; s/ //g; s|.*|/proc/&/status|' |
    xargs awk '/^RssAnon/ { sum += $2 } END { print sum }'
done
"""


@pytest.fixture(scope="module")
def three(project: Checkout) -> Iterator[Rig]:
    """Three machines with a release that serves."""
    yield rig.deployed(project)


def change(checkout: Checkout, words: str) -> None:
    """Change a line of the page, so that there is something to deploy."""
    path = checkout.path(PAGE)
    path.write_text(f"{path.read_text().rstrip()}\n<!-- {words} -->\n")
    checkout.commit(words)


def held(three: Rig) -> Counter[str]:
    """Count what the engines of all machines hold; of the ledger's events a hundred stay."""
    count: Counter[str] = Counter()
    for name in three.ports:
        lines = (line.split() for line in three.on(name, "sh", "-c", HELD).splitlines())
        count.update({kind: int(number) for kind, number in lines})
    count["config"] -= count.pop("events")
    return count


def edge_memory(three: Rig) -> int:
    """Return the kilobytes of the largest edge."""
    return max(
        int(size) for name in three.ports for size in three.on(name, "sh", "-c", MEMORY).split()
    )


def test_no_request_fails_and_nothing_grows_while_one_deploy_follows_another(
    three: Rig, rows: Rows, size: dict[str, float], tmp_path: Path
) -> None:
    deploys, requests = round(size["SOAK_DEPLOYS"]), round(size["SOAK_REQUESTS"])
    records = tmp_path / "records.tsv"
    before, memory, number = Counter[str](), 0, 0
    with rows.measure("deploys in a row on three machines under load", "") as row:
        with load(
            three.urls, records, rate=RATE, at_least=requests, seconds=120 * MINUTES
        ) as traffic:
            while number < deploys or count_lines(records) < requests:
                number += 1
                row.result = f"deploy {number}"
                change(three.checkout, f"deploy {number}")
                three.deploy()
                if number == min(STEADY, deploys // 2):
                    before, memory = held(three), edge_memory(three)
        after, grown = held(three), edge_memory(three) / memory
        row.amount = f"{number} deploys, {len(traffic.run.records)} requests"
        row.result = f"{traffic.failed} failed; memory of the edges {grown:.2f} times"
        assert traffic.failed == 0, traffic.run.summary()
        assert len(traffic.run.releases()) == number + 1, traffic.run.summary()
        assert after - before == Counter()
        assert grown < 1.5


def count_lines(path: Path) -> int:
    """Count the requests that are on record by now."""
    with path.open("rb") as file:
        return sum(chunk.count(b"\n") for chunk in iter(lambda: file.read(1 << 20), b""))


@pytest.mark.parametrize(("command", "minutes"), [("deploy", 0), ("rollback", 0), ("rollback", 60)])
def test_a_command_killed_after_any_of_its_steps_is_finished_by_the_next(
    three: Rig, rows: Rows, tmp_path: Path, command: str, minutes: int
) -> None:
    three.checkout.set(rig.ENV, KEEP_WARM=str(minutes))
    for words in ("the release to return to", "the release to leave"):
        change(three.checkout, words)
        three.deploy()
    names = steps(three, *target(three, command))
    assert ("take back" in names) == bool(minutes)
    title = f"{command} killed after a step{', with a warm colour' if minutes else ''}"
    with rows.measure(title, f"{len(names)} steps") as row:
        with load(three.urls, tmp_path / "records.tsv", rate=GENTLE) as traffic:
            for name in names:
                row.result = f"after {name}"
                kill_after(three, name, command)
        row.result = f"{traffic.failed} of {len(traffic.run.records)} requests failed"
        assert traffic.failed == 0, traffic.run.summary()


def kill_after(three: Rig, step: str, command: str) -> None:
    """Kill a command when a step's line is there; the same once more does what it was to do."""
    words = target(three, command)
    if step not in steps(three, *words):  # the one before was finished without a warm colour
        three.checkout.inv(*words).expect()
        words = target(three, command)
    running = three.checkout.begin(*words)
    running.wait_for(f"✓ {step}")
    running.kill()
    three.checkout.inv(*words).expect()
    wait_until("all of it runs", lambda: not problems(three))  # workers follow a moment later
    assert steps(three, *words) == []


def problems(three: Rig) -> list[str]:
    """Return what the status has against what runs."""
    found: list[str] = three.checkout.inv("status", ENV, "--json").expect().json["problems"]
    return found


def target(three: Rig, command: str) -> tuple[str, ...]:
    """Return the command's words, with something for it to do."""
    if command == "deploy":
        change(three.checkout, "one more")
        return ("deploy", ENV)
    there = three.checkout.inv("releases", ENV, "--json").expect().json
    newest = max(each["release"] for each in there if each["state"] in ("ready", "warm"))
    return ("rollback", ENV, f"--release={newest}")


def steps(three: Rig, *words: str) -> list[str]:
    """Return the names of the steps that a command would take."""
    plan = three.checkout.inv(*words, "--plan").expect().out
    return re.findall(r"^ *\d+\. (.+?)(?: {2,}|$)", plan, re.MULTILINE)
