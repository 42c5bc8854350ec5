"""The Python of one cell: runs its source under the runbook's name, reports what it has changed.

Started by itself: python -u -P python_cell.py SOURCE RUNBOOK LINE ROOT REPORT.
"""

import json
import linecache
import os
import sys
import traceback
from pathlib import Path


def main() -> int:
    """Run the source; the report is written only where it ends well."""
    path, name, line, root, report = sys.argv[1:]
    source = "\n" * int(line) + Path(path).read_text(encoding="utf-8")
    sys.argv = [name]
    sys.path.insert(0, root)
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    before = dict(os.environ)
    try:
        exec(compile(source, name, "exec"), {"__name__": "__main__", "__file__": name})  # noqa: S102  a person's cell
    except SystemExit as end:
        if end.code not in (None, 0):
            raise
    except KeyboardInterrupt:
        return 130
    except BaseException as error:
        frames = error.__traceback__.tb_next if error.__traceback__ else None
        traceback.print_exception(type(error), error, frames)
        return 1
    sys.stdout.flush()
    after = dict(os.environ)
    changed = {key: value for key, value in after.items() if before.get(key) != value}
    changes = {
        "cwd": str(Path.cwd()),
        "new": {key: value for key, value in changed.items() if key not in before},
        "changed": {key: value for key, value in changed.items() if key in before},
        "gone": [key for key in before if key not in after],
    }
    with os.fdopen(int(report), "w", encoding="ascii") as file:
        json.dump(changes, file)
    return 0


if __name__ == "__main__":
    sys.exit(main())
