"""One piece of work on many hosts at once, with a limit; or several pieces on one."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from typing import TypeVar

from slipway.errors import Refused, SlipwayError
from slipway.hosts.host import Host

AT_ONCE = 8

H = TypeVar("H", bound=Host)
T = TypeVar("T")


class HostsFailed(SlipwayError):
    """Some of the hosts failed; the text has a sentence for each of them."""

    def __init__(self, failures: Sequence[SlipwayError], total: int) -> None:
        lines = "".join(f"\n  {failure}" for failure in failures)
        super().__init__(f"{len(failures)} of {total} hosts failed:{lines}")
        self.failures = tuple(failures)
        self.exit_code = max(failure.exit_code for failure in failures)


class HostsRefused(HostsFailed, Refused):
    """Every host that failed refused, so that nothing was changed."""


def each(hosts: Sequence[H], work: Callable[[H], T], limit: int = AT_ONCE) -> list[T]:
    """Results in the order of the hosts. All hosts are worked on, also when one fails.

    Raises the failure itself when there is one host, else HostsFailed with all of them.
    """
    results = attempt(hosts, work, limit)
    failures = [result for result in results if isinstance(result, SlipwayError)]
    if failures and len(hosts) == 1:
        raise failures[0]
    if failures:
        are_refusals = all(isinstance(failure, Refused) for failure in failures)
        raise (HostsRefused if are_refusals else HostsFailed)(failures, len(hosts))
    return [result for result in results if not isinstance(result, SlipwayError)]


def at_once(host: Host, works: Sequence[Callable[[], T]]) -> list[T]:
    """Do pieces of work on one host at once. Raises the first failure, when all have ended."""
    with workers([host], len(works)) as pool:
        running = [pool.submit(work) for work in works]
        wait(running)
        return [each.result() for each in running]


def attempt(
    hosts: Sequence[H], work: Callable[[H], T], limit: int = AT_ONCE
) -> list[T | SlipwayError]:
    """Like `each`, with the failure in place of the result. Other exceptions are raised."""

    def guarded(host: H) -> T | SlipwayError:
        try:
            return work(host)
        except SlipwayError as error:
            return error

    if not hosts:
        return []
    with workers(hosts, min(limit, len(hosts))) as pool:
        return list(pool.map(guarded, hosts))


class Workers(ThreadPoolExecutor):
    """Threads that can be asked to stop; work that runs no command calls `check` now and then."""

    def __init__(self, limit: int) -> None:
        super().__init__(max_workers=limit, thread_name_prefix="host")
        self.stopping = threading.Event()

    def check(self) -> None:
        """Raise CancelledError when nobody waits for the work any more."""
        if self.stopping.is_set():
            raise CancelledError


@contextlib.contextmanager
def workers(hosts: Sequence[Host], limit: int) -> Iterator[Workers]:
    """Threads whose work on hosts is waited for at the end of the block.

    When the block is left early (a failure, Ctrl-C, which reaches the main thread only), pending
    work never begins and the commands that run on these hosts are ended.
    """
    pool = Workers(limit)
    try:
        yield pool
    except BaseException:
        pool.stopping.set()
        pool.shutdown(wait=False, cancel_futures=True)
        waiting = threading.Thread(target=pool.shutdown, daemon=True)
        waiting.start()
        while waiting.is_alive():  # work between two commands is about to start the next one
            for host in hosts:
                with contextlib.suppress(Exception):
                    host.close()
            waiting.join(0.1)
        raise
    finally:
        pool.shutdown()
