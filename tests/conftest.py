"""Skip tests that need an engine, nested hosts or a browser where there is none, and say why."""

import gc
import os
import signal
import sys
from collections.abc import Callable, Iterable
from types import FrameType

import pytest
from hypothesis import HealthCheck, settings

from slipway.checks import requirements
from tests import base_images

# A shell starts what is in its background without it, and with it all that tests start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# What is compiled stays for the next run, also where the environment of an image forbids it:
# each worker, and each Python that a test starts, would compile all of it again.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# docker, Compose and sops are started thousands of times, and each looks for garbage in vain.
os.environ.setdefault("GOGC", "400")

# Tests make much that is freed by counting; to look through all of it for cycles after every 700
# objects takes a tenth of their time.
gc.set_threshold(50_000, 20, 20)

NEEDS: dict[str, Callable[[], str]] = {
    "engine": requirements.why_no_engine,
    "hosts": requirements.why_no_hosts,
    "browser": requirements.why_no_browser,
}


# No property is judged by the clock: that would say how busy the computer is.
settings.register_profile(
    "patient", settings.default, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("patient")


def pytest_configure(config: pytest.Config) -> None:
    """A polite end is a Ctrl-C, so that fixtures remove what they made."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def pytest_collection_finish() -> None:
    """Leave alone what stays to the end."""
    gc.collect()
    gc.freeze()


def pytest_report_header() -> list[str]:
    """Tell which versions of the day a run has: what was green with others may be red with them."""
    return base_images.report()


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    for item in items:
        for mark, why_not in NEEDS.items():
            if item.get_closest_marker(mark) and (reason := why_not()):
                item.add_marker(pytest.mark.skip(reason=reason))
                break
