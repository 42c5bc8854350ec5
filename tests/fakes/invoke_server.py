"""`python -m tests.fakes.invoke_server serve`: command lines in the real Invoke, one fork each."""

import sys
from pathlib import Path
from typing import Any

from invoke import main

from tests.fakes.fork_server import serve


def run(request: dict[str, Any]) -> int:
    """Do as `python -m invoke` does, which ends with SystemExit."""
    sys.path.insert(0, str(Path.cwd()))
    sys.argv = [str(Path(main.__file__).with_name("__main__.py")), *request["words"]]
    main.program.run()
    return 0


def warm_up() -> None:
    """Import, before anything is forked, what tasks import."""
    import tasks.command
    import tasks.usage  # noqa: F401


if __name__ == "__main__":
    serve(run, warm_up)
