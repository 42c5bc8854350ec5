"""A computer's clock that is wrong by CLOCK_OFF_BY seconds, for a Python that finds this first.

What waits or measures keeps right time, as on a computer whose clock was set wrong long ago.
"""

import datetime
import os
import time

OFF_BY = float(os.environ["CLOCK_OFF_BY"])
right_time, right_gmtime, right_localtime = time.time, time.gmtime, time.localtime
right_strftime = time.strftime


class WrongDatetime(datetime.datetime):
    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> "WrongDatetime":
        return cls.fromtimestamp(time.time(), tz)

    @classmethod
    def utcnow(cls) -> "WrongDatetime":
        return cls.now(datetime.UTC).replace(tzinfo=None)


time.time = lambda: right_time() + OFF_BY
time.time_ns = lambda: int(time.time() * 1e9)
time.gmtime = lambda *seconds: right_gmtime(*seconds or [time.time()])
time.localtime = lambda *seconds: right_localtime(*seconds or [time.time()])
time.strftime = lambda form, *moment: right_strftime(form, *moment or [time.localtime()])
datetime.datetime = WrongDatetime  # type: ignore[misc]
