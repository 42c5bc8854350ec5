"""Our retention against the cases of restic's forget policy and the snapshots they keep.

`python -m tests.peers.restic CHECKOUT`: a clone of github.com/restic/restic.
"""

import json
import re
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from slipway.backups.schedule.policy import Retention
from slipway.backups.schedule.retention import DatedBackup, decide
from tests.peers.comparison import Comparison

SPANS = ("daily", "weekly", "monthly", "yearly")
SNAPSHOT = re.compile(r"\{Time: parseTimeUTC\(\"([^\"]+)\"\)")
POLICY = re.compile(r"^\t\t\{(.*?)\},(?: *//[^\n]*)?$", re.MULTILINE | re.DOTALL)
OTHER = "a policy here counts days, weeks, months and years: no hours, tags, spans or last N"
EMPTY = "the empty policy keeps the newest backup here, nothing there"
EVERYTHING = 1_000_000  # where restic writes -1


def policies(text: str) -> Iterator[str]:
    """Yield each policy as it is written, in the order of the golden files."""
    table = text.partition("var tests = []data.ExpirePolicy{\n")[2].partition("\n\t}\n")[0] + "\n"
    yield from (policy[1] for policy in POLICY.finditer(table))


def retention(policy: str) -> Retention | None:
    """Return a policy in our terms, or None where there are none for it."""
    counts = dict(re.findall(r"(\w+): *(-?\d+|\S+)", policy))
    if set(counts) - {span.title() for span in SPANS} or "data." in policy:
        return None
    numbers = (int(counts.get(span.title(), 0)) for span in SPANS)
    return Retention(*(EVERYTHING if each < 0 else each for each in numbers))


def kept_here(times: Sequence[datetime], keep: Retention) -> list[datetime]:
    """Return what our policy keeps of backups of these times, newest first."""
    backups = [DatedBackup(f"{n:04}", time, proven=False) for n, time in enumerate(times)]
    decision = decide(backups, keep, max(times), stale_after=60)
    created = {backup.ident: backup.created for backup in backups}
    return [created[ident] for ident, _ in decision.keep]


def kept_there(golden: Any) -> tuple[list[datetime], list[datetime]]:
    """Return what a golden file keeps, and what of it only for being the oldest of all."""
    times = [_time(each["time"]) for each in golden.get("keep") or ()]
    reasons = [each["matches"] for each in golden.get("reasons") or ()]
    oldest = [
        time
        for time, matches in zip(times, reasons, strict=True)
        if all(match.startswith("oldest ") for match in matches)
    ]
    return times, oldest


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text.removesuffix("Z")).replace(tzinfo=UTC)


def main() -> int:
    """Print what differs and how much agrees; 1 where something differs that is not declared."""
    folder = Path(sys.argv[1], "internal/data")
    text = (folder / "snapshot_policy_test.go").read_text(encoding="utf-8")
    times = [_time(each) for each in SNAPSHOT.findall(text)]
    comparison = Comparison()
    cases = list(policies(text))
    goldens = list((folder / "testdata").glob("policy_keep_snapshots_*"))
    if len(cases) != len(goldens):
        sys.exit(f"{len(cases)} policies were read, and there are {len(goldens)} golden files")
    for number, policy in enumerate(cases):
        golden = folder / "testdata" / f"policy_keep_snapshots_{number}"
        theirs, oldest = kept_there(json.loads(golden.read_text(encoding="utf-8")))
        keep = retention(policy)
        if keep is None:
            comparison.add(policy, None, theirs, OTHER)
            continue
        ours = kept_here(times, keep)
        case = f"{number} {{{policy}}} of {len(times)} snapshots"
        comparison.add(case, ours, theirs, EMPTY if not policy else _reason(oldest))
        if oldest:
            rest = [time for time in theirs if time not in oldest]
            comparison.add(f"{case}, without the oldest", ours, rest)
    return comparison.finish()


def _reason(oldest: Sequence[datetime]) -> str:
    return "restic also keeps the oldest snapshot while counts are left" if oldest else ""


if __name__ == "__main__":
    sys.exit(main())
