"""Work until SIGTERM.

`python -m worker`            as in production
`python -m worker --reload`   starts again when a file changes, for hacking
"""

import logging
import sys

from worker import logs, settings
from worker.loop import Loop
from worker.status import Status

log = logging.getLogger(__name__)


def main() -> None:
    if "--reload" in sys.argv[1:]:
        from worker.reload import run_and_reload

        run_and_reload()
        return
    known = settings.load()
    logs.configure(known.log_level)
    status = Status(known.release, known.migration_head)
    loop = Loop(known.database, status)
    loop.stop_on_signals()
    status.serve()
    log.info("started", extra={"fields": known.release.as_json()})
    loop.run()
    log.info("ended")


if __name__ == "__main__":
    main()
