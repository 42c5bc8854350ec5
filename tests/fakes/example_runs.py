"""Runs as they lie on the disk, made without running anything: with a clock and outputs of choice.

`deploy(folder)` is a plausible one: a check that needed three attempts, a step by hand, a deploy
that failed on the first attempt and passed on the second.
"""

import datetime
import hashlib
import json
from pathlib import Path
from typing import Any

BEGAN = datetime.datetime(2026, 11, 22, 19, 30, 4, tzinfo=datetime.UTC)

DEPLOY = """\
---
task: deploy
owner: "@ops"
risk: medium
time: 10m
last_tested: 2026-11-22
---

# Deploy a release

Ships the commit you stand on to one environment, without downtime. Not for a database that has to
be put back: that is [restore.md](restore.md). To undo, [roll back](#roll-back).

## Before you start

The machines answer, nobody else deploys, and a fresh backup exists.

```sh
inv status --env=$ENV
```

```sh
inv db.backups --env=$ENV
```

- [ ] Tell #ops that you deploy to `$ENV`

## Back up first

A migration cannot be taken back by a roll back.

```sh {timeout=15m}
inv db.backup --env=$ENV
```

## Deploy

> [!WARNING]
> This replaces the running containers. Requests under way are finished by the old release.

```sh {confirm="Deploy to $ENV?" timeout=20m}
inv deploy --env=$ENV
```

What you should see:

```console
staging serves release 42 (b3250d9) in green
```

## Verify

| Look at | Good | Stop |
|---|---|---|
| status page | `ok` | anything else |
| errors in 5 minutes | below 0.1 % | above 1 % |

```sh {retry=10 every=3s}
curl -fsS https://$HOST/health
```

```python
import json, os
print(json.dumps({"env": os.environ["ENV"], "verified": True}))
```

## Roll back

Puts the release before this one back; data that was migrated stays migrated.

```sh
inv rollback --env=$ENV
```

## Escalate

After 15 minutes, to the one on call, with the name of this run.

## Afterwards

- [ ] Tell #ops that it is done
- [ ] Close the change in the calendar
"""

BEGIN = {
    "runbook": "deploy",
    "path": "runbooks/deploy.md",
    "digest": "5f0c",
    "env": "staging",
    "params": {"ENV": "staging"},
    "user": "anna",
    "email": "anna@example.org",
    "host": "anna-laptop",
    "commit": "b3250d9c0ffee0123456789abcdef0123456789a",
    "branch": "main",
    "dirty": False,
    "mode": "terminal",
}


class ExampleRun:
    """A run whose clock moves when it is told to."""

    def __init__(self, runs: Path, text: str, **begin: Any) -> None:
        known = BEGIN | begin
        self.now = BEGAN
        self.folder = runs / f"{BEGAN:%Y%m%dT%H%M%SZ}-{known['runbook']}-{known['env']}-anna"
        (self.folder / "cells").mkdir(parents=True)
        (self.folder / "runbook.md").write_text(text)
        self._count = 0
        self._started = 0
        self.event("begin", **known)

    def event(self, kind: str, **data: Any) -> None:
        """Write one event down, as `record` would."""
        self._count += 1
        at = self.now.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        line = json.dumps(
            {"event": self._count, "at": at, "kind": kind, **data}, ensure_ascii=False
        )
        with (self.folder / "events.jsonl").open("a") as file:
            file.write(line + "\n")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += datetime.timedelta(seconds=seconds)

    def start(
        self,
        cell: str,
        *,
        by: str = "",
        attempt: int = 1,
        section: str = "steps",
        source: str | None = None,
    ) -> int:
        """Begin a cell that may never end."""
        digest = hashlib.sha256(source.encode()).hexdigest() if source is not None else ""
        self._started += 1
        n = self._started
        self.event("start", cell=cell, section=section, n=n, digest=digest, by=by, attempt=attempt)
        return n

    def cell(
        self,
        cell: str,
        output: str | bytes = "",
        seconds: float = 1.0,
        *,
        outcome: str = "passed",
        code: int | None = 0,
        **how: Any,
    ) -> int:
        """Run a cell: its start, its log, its end."""
        n = self.start(cell, **how)
        raw = output.encode() if isinstance(output, str) else output
        (self.folder / "cells" / f"{n:02}.log").write_bytes(raw)
        self.wait(seconds)
        self.event(
            "end",
            cell=cell,
            n=n,
            outcome=outcome,
            code=code,
            seconds=seconds,
            lines=raw.count(b"\n"),
            bytes=len(raw),
            left=[],
            captured="",
            missing=[],
        )
        return n

    def finish(self, result: str = "done", cell: str = "") -> Path:
        """End the run and return its folder."""
        seconds = (self.now - BEGAN).total_seconds()
        self.event("finish", result=result, seconds=seconds, cell=cell)
        return self.folder


STATUS = """\
staging: release 41 (c453da6) in blue, since 2026-11-21T16:02Z by ben

MACHINE  STATE  ROLE     EDGE_SERVES
web-1    ready  manager  blue
web-2    ready  manager  blue
web-3    ready  manager  blue

SERVICE    COLOUR  RUNNING  HEALTH   IMAGE
web        blue    3/3      healthy  sample:c453da6
worker     blue    2/2      healthy  sample:c453da6
scheduler  blue    1/1      healthy  sample:c453da6
"""
BACKUPS = """\
BACKUP                 AGE   SIZE     TOOK   RELEASE       VERIFIED
20261122T021500Z-1f3a  17 h  212 MiB  9.4 s  41 (c453da6)  restored
20261121T021500Z-90bc  41 h  211 MiB  9.1 s  40 (9ee1f02)  as it was taken

If the database is lost now, what was written in the last 17 h is lost.
"""
FAILED = """\
\x1b[32m✓\x1b[0m 3 machines answer
\x1b[32m✓\x1b[0m image sample:b3250d9 built in 38.2 s
\x1b[32m✓\x1b[0m image shipped to web-1, web-2
\x1b[31m✗\x1b[0m image shipped to web-3
\x1b[1;31merror:\x1b[0m web-3: no space left on device; free some: inv machine.prune --env=staging
"""
DEPLOYED = """\
\x1b[32m✓\x1b[0m 3 machines answer
\x1b[32m✓\x1b[0m image shipped to web-1, web-2, web-3
\x1b[32m✓\x1b[0m migration 0042_add_notes applied \x1b[2m(expand only)\x1b[0m
\x1b[32m✓\x1b[0m green: web 3/3, worker 2/2, scheduler 1/1 healthy
\x1b[32m✓\x1b[0m edge serves green on web-1, web-2, web-3
staging serves release 42 (b3250d9) in green
"""


def deploy(runs: Path) -> Path:
    """Make a deploy to staging that got there on the second attempt."""
    run = ExampleRun(runs, DEPLOY)
    run.wait(0.4)
    run.cell("before-you-start", STATUS, 2.3, section="before")
    run.wait(0.1)
    run.cell("before-you-start-1", BACKUPS, 1.8, section="before")
    run.wait(38)
    run.event(
        "manual",
        cell="before-you-start-todo-1",
        text="Tell #ops that you deploy to `$ENV`",
        outcome="done",
        reason="",
        by="anna",
    )
    run.wait(6)
    run.cell("back-up-first", "20261122T193053Z-77d0: 212 MiB in 9.6 s, decoded\n", 11.2, by="anna")
    run.wait(17)
    run.cell("deploy", FAILED, 74.5, outcome="failed", code=1, by="anna")
    run.wait(52)
    run.event("note", text="anna opened a shell at deploy; it ended after 44 s")
    run.wait(9)
    run.cell("deploy", DEPLOYED, 96.3, by="anna", attempt=2)
    run.wait(0.2)
    waiting = "curl: (22) The requested URL returned error: 503\n"
    run.cell("verify", waiting, 0.4, outcome="failed", code=22, section="verify")
    run.wait(3)
    run.cell("verify", waiting, 0.4, outcome="failed", code=22, section="verify", attempt=2)
    run.wait(3)
    run.cell("verify", '{"status":"ok","release":42}\n', 0.3, section="verify", attempt=3)
    run.wait(0.1)
    run.cell("verify-1", '{"env": "staging", "verified": true}\n', 0.1, section="verify")
    run.wait(12)
    run.event(
        "manual",
        cell="afterwards-todo-1",
        text="Tell #ops that it is done",
        outcome="done",
        reason="",
        by="anna",
    )
    run.wait(5)
    run.event(
        "manual",
        cell="afterwards-todo-2",
        text="Close the change in the calendar",
        outcome="skipped",
        reason="there is no change for staging",
        by="anna",
    )
    return run.finish()


def trouble(runs: Path) -> Path:
    """Make a deploy that was interrupted, taken up the next morning, failed and rolled back."""
    run = ExampleRun(runs, DEPLOY, env="prod", dirty=True, params={"ENV": "prod", "TAG": "v42"})
    run.cell("before-you-start", STATUS, 2.3, section="before")
    run.event("skip", cell="before-you-start-1", reason="seen a minute ago", by="anna")
    run.wait(20)
    run.start("back-up-first", by="anna")
    run.wait(13 * 3600)
    run.event("resume", user="anna", host="anna-laptop", **{"from": "back-up-first"}, changed=True)
    run.cell("before-you-start", STATUS, 2.1, section="before", attempt=2)
    run.wait(31)
    run.cell("back-up-first", "10 %\r50 %\r100 %\n", 9.8, by="anna")
    run.wait(8)
    run.cell("deploy", FAILED, 1205, outcome="timed out", code=None, by="anna")
    run.wait(40)
    run.event("part", section="roll back", reason="deploy", by="anna")
    run.wait(12)
    run.cell("roll-back", "prod serves release 41 again\n", 21, by="anna", section="roll back")
    return run.finish("rolled back", "deploy")
