"""What `inv deploy --plan` costs for a project of five hundred services."""

import os
import resource
import statistics
import tempfile
from pathlib import Path

from benchmarks.section import Section
from tests.e2e import checkout, leftovers
from tests.e2e.checkout import Checkout

SERVICES, RUNS, GOAL = 500, 5, 3.0
SERVICE = """  s{number}:
    <<: *service
    image: ${{PROJECT}}/s
    build: ./web
    user: "10001:10001"
    networks: [edge]
    tmpfs: [/tmp]
    healthcheck: {{test: [CMD, wget, -q, "http://127.0.0.1:8080/up"], interval: 30s}}
    deploy: {{replicas: 1, labels: {{slipway.role: colour, slipway.port: "8080"}}}}
"""
NEXT = "\n  tests:\n"  # what stands behind the services of the sample


def measure() -> list[Section]:
    """Measure what a person waits for, and what all processes together compute."""
    name = leftovers.new_name()
    with tempfile.TemporaryDirectory() as folder, leftovers.swept(name):
        clone = checkout.clone(Path(folder), name)
        services = "".join(SERVICE.format(number=number) for number in range(SERVICES))
        clone.replace("compose/compose.yml", NEXT, f"\n{services}{NEXT}")
        clone.commit("Have many services")
        _plan(clone)
        runs = [_plan(clone) for _ in range(RUNS)]
    seconds = statistics.median(seconds for seconds, _ in runs)
    processor = statistics.median(processor for _, processor in runs)
    row = (f"{SERVICES} services", f"{seconds:.1f} s", f"{processor:.1f} s")
    return [
        Section(
            name="plan",
            title="Planning a deploy of many services",
            goal=f"at most {GOAL:.0f} s",
            met=seconds <= GOAL,
            columns=("`inv deploy --env=dev --plan` of", "median", "processor time, median"),
            rows=[row],
            method=(
                f"{RUNS} runs after a first one; {SERVICES} services of one folder beside the "
                "sample's, each with a health check. Processor time is that of all "
                "processes together: Slipway, `docker compose config`, `docker stack config`. The "
                f"load average of this computer was {os.getloadavg()[0]:.1f} at the end."
            ),
        )
    ]


def _plan(clone: Checkout) -> tuple[float, float]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = clone.inv("deploy", "--env=dev", "--plan").expect().seconds
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, used
