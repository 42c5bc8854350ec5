"""Work on many hosts: each is named that failed, and a refusal of all stays a refusal."""

import pytest

from slipway.errors import Refused, SlipwayError
from slipway.hosts import parallel
from slipway.hosts.parallel import HostsFailed
from tests.fakes.host import FakeHost

HOSTS = [FakeHost(name) for name in ("m1", "m2", "m3")]


def failing(errors: dict[str, SlipwayError]) -> None:
    def work(host: FakeHost) -> None:
        if host.name in errors:
            raise errors[host.name]

    parallel.each(HOSTS, work)


def test_what_several_hosts_refuse_is_refused_and_names_them() -> None:
    refusals = {name: Refused(f"port 80 of {name} is taken") for name in ("m1", "m3")}
    with pytest.raises(Refused, match=r"2 of 3 hosts failed:\n  port 80 of m1 .*\n  port 80 of m3"):
        failing({**refusals})


def test_a_failure_among_refusals_is_a_failure() -> None:
    with pytest.raises(HostsFailed) as caught:
        failing({"m1": Refused("port 80 is taken"), "m2": SlipwayError("it burns")})
    assert not isinstance(caught.value, Refused)


def test_a_single_host_fails_with_its_own_error() -> None:
    error = SlipwayError("it burns")
    with pytest.raises(SlipwayError) as caught:
        parallel.each(HOSTS[:1], lambda host: (_ for _ in ()).throw(error))
    assert caught.value is error
