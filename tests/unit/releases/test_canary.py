"""A canary: how large it may be, where there can be none, what is decided about it, and its end."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.edge import canary, comparison, draw, figures, route_records
from slipway.edge.figures import BothColours, Figures
from slipway.edge.routes import Guard, Maintenance, Route, Table
from slipway.errors import Refused, UsageError
from slipway.hosts.host import CommandResult
from slipway.machines.connect import Cluster
from slipway.releases import canary_options, canary_record, plans
from slipway.releases.application import Service
from slipway.releases.canary_options import CanaryOptions
from slipway.releases.canary_record import Decision
from slipway.releases.deployment import Deployment
from slipway.releases.draft import Draft
from slipway.releases.serving import Serving
from tests.fakes.host import FakeHost
from tests.fakes.reporter import RecordingReporter
from tests.unit.releases.running_swarm import ENV, RELEASE, running


@given(st.integers(1, 50))
def test_a_share_is_that_share_of_all_visitors(share: int) -> None:
    below = int(canary.threshold(share), 16)
    assert len(canary.threshold(share)) == canary.DIGITS
    assert below / 16**canary.DIGITS == pytest.approx(share / 100, abs=0.0001)
    assert canary.FIRST < canary.threshold(share) < canary.LAST


@pytest.mark.parametrize(
    ("share", "hold", "options"),
    [
        ("10", "", CanaryOptions(10, 300)),
        ("1%", "90s", CanaryOptions(1, 90)),
        ("50", "24h", CanaryOptions(50, 86400)),
        ("", "", None),
    ],
)
def test_a_canary_is_read_as_it_is_typed(
    share: str, hold: str, options: CanaryOptions | None
) -> None:
    assert canary_options.read(share, hold) == options


@pytest.mark.parametrize(
    ("share", "hold", "words"),
    [
        ("0", "", "--canary=0 is no share of the visitors: write 1 to 50"),
        ("51", "", "--canary=51 is no share"),
        ("ten", "", "--canary=ten is no share"),
        ("", "5m", "--hold is how long a canary is held: add --canary=10"),
        ("10", "soon", "--hold=soon is no time to hold a canary: write 10s to 24h"),
        ("10", "9s", "--hold=9s"),
        ("10", "2d", "--hold=2d"),
    ],
)
def test_what_is_no_canary_is_refused_before_anything_else(
    share: str, hold: str, words: str
) -> None:
    with pytest.raises(UsageError, match=words):
        canary_options.read(share, hold)


def test_clients_are_drawn_by_chance_or_by_address_and_by_nothing_else() -> None:
    assert [canary_options.read("10", "", by) for by in ("cookie", "address")] == [
        CanaryOptions(10, 300),
        CanaryOptions(10, 300, "address"),
    ]
    with pytest.raises(UsageError, match="--canary-by=name is unknown: write cookie"):
        canary_options.read("10", "", "name")
    with pytest.raises(UsageError, match="add --canary=10"):
        canary_options.read("", "", "address")


@given(st.integers(1, 50))
def test_as_many_hundredths_of_all_addresses_are_in_as_the_share_says(share: int) -> None:
    digits = [draw.digits_of(number) for number in range(draw.COUNT)]
    assert sum(each < canary.threshold(share) for each in digits) == share


def serving(
    *guards: Guard, number: int = 4, maintenance: Maintenance | None = None, **settings: str
) -> Serving:
    routes = route_records.write(Table((Route("/*", "api", 8000),), guards))
    edge = Service("edge", "edge", {"routes": routes})
    rest = tuple(each for each in RELEASE.services if each.name != "edge")
    release = replace(RELEASE, number=number, services=(*rest, edge), settings=settings)
    return Serving(ENV, Cluster(FakeHost(), {}), release, "blue", maintenance)


def test_two_releases_share_the_visitors_with_the_same_routes_and_with_others() -> None:
    for new in (serving(number=5), serving(Guard(allow=("192.0.2.1/32",)), DOMAIN="b.example")):
        canary_options.check(serving(number=4), replace(new, colour="green"))


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (replace(serving(), release=None), "serves nothing yet"),
        (serving(maintenance=Maintenance("later")), "is closed for maintenance"),
        (serving(TLS="internal", HTTP3="off"), "TLS and HTTP3 of release 5 .* of connections"),
        (serving(Guard(users={"ann": "DOOR"})), "lets nobody in with DOOR any more"),
    ],
)
def test_a_canary_is_refused_where_there_is_nobody_to_share(before: Serving, words: str) -> None:
    with pytest.raises(Refused, match=f"{words}.*deploy without --canary"):
        canary_options.check(before, serving(number=5))


def test_a_canary_stands_between_the_looks_at_a_release_and_its_cutover() -> None:
    manager = FakeHost("m1").answers("docker", "config", "inspect", out=RELEASE.to_json())
    cluster, draft = Cluster(manager, {"m1": manager}), Draft(replace(RELEASE, number=4), {}, {})
    deployment = Deployment(ENV, cluster, running(), draft, RecordingReporter())
    plain = [step.name for step in plans.deploy(deployment).steps]
    deployment.canary = CanaryOptions(10, 300)
    steps = {step.name: step for step in plans.deploy(deployment).steps}
    assert [name for name in steps if name != "canary"] == plain
    assert list(steps)[list(steps).index("canary") - 1 :][:3] == ["smoke", "canary", "cut over"]
    assert steps["canary"].describe == (
        "send 10 % of the visitors to green for 300 s, and compare its answers with those of blue"
    )


LINE = '{} caddy_http_request_duration_seconds_count{{code="{}",handler="{}",server="main"}} {}'


def test_figures_of_both_colours_are_told_apart_and_an_edge_that_began_anew_counts_in_full() -> (
    None
):
    counts = [("now", 200, "vars", 90), ("now", 502, "vars", 1), ("now", 200, "log_append", 9)]
    counts += [("now", 500, "log_append", 2), ("cutover", 200, "vars", 5)]
    counted = figures.parse_colours("\n".join(LINE.format(*each) for each in counts))
    assert counted == BothColours(Figures(91, 1), Figures(11, 2))
    earlier = {"m1": BothColours(Figures(41, 1), Figures(1, 0)), "m2": counted}
    now = {"m1": counted, "m2": BothColours(Figures(7), Figures(3)), "m3": counted}
    together = figures.since_then(now, earlier)
    assert together == BothColours(Figures(50 + 7 + 91, 1), Figures(10 + 3 + 11, 2 + 2))


def test_what_is_worse_is_told_with_the_figures_of_both_colours() -> None:
    verdict = comparison.compare(Figures(900, 1), Figures(100, 30), Figures(), "in blue")
    assert verdict.worse == "more requests fail"
    assert verdict.text == "100 requests, 30.0 % errors; in blue 900 requests, 0.1 % errors"
    few = comparison.compare(Figures(900, 1), Figures(49, 49), Figures(), "in blue")
    assert few == comparison.Verdict("too few requests to compare (49 requests, and 900 in blue)")


APP = ENV.prefix
LABELS = {"release": "5", "share": "10", "since": "1700000000", "until": "1700000300"}
LABELS |= {"colour": "green", "by": "anna@laptop", "commit": "beef", "token": "t1"}
HOLDER = {"at": "1700000000", "owner": "anna@laptop", "reason": "deploy of beef", "token": "t1"}


class Manager(FakeHost):
    """A manager that keeps configs by their names, that of a lease and a canary's among them."""

    def __init__(self, **holder: str) -> None:
        super().__init__("m1")
        self.configs = {f"{APP}.canary": written(LABELS)}
        self._holder = written(HOLDER | holder)
        self.reacts("docker", "config", "inspect", by=self._inspect)
        self.reacts("docker", "config", "create", by=self._create)
        self.reacts("sh", by=self._read_lease)

    def _result(self, argv: Sequence[str], code: int, out: str = "") -> CommandResult:
        err = "Error response from daemon: config x not found" if code else ""
        return CommandResult("m1", tuple(argv), code, out, err)

    def _inspect(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        labels = self.configs.get(argv[-1])
        return self._result(argv, int(labels is None), json.dumps(labels))

    def _create(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        is_free = argv[-2] not in self.configs
        if is_free:
            pairs = (word.partition("=")[::2] for word in argv if "=" in word)
            self.configs[argv[-2]] = dict(pairs)
        return self._result(argv, int(not is_free))

    def _read_lease(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        document = {"ID": "id1", "Spec": {"Labels": self._holder}}
        return self._result(argv, 0, f"1700000030\n{json.dumps(document)}\n")


def written(labels: Mapping[str, str]) -> dict[str, str]:
    return {f"slipway.{key}": value for key, value in labels.items()}


def test_a_canary_runs_as_long_as_its_own_deploy_holds_the_lease() -> None:
    found = canary_record.read(Manager(), APP)
    assert found is not None and found.began == "2023-11-14T22:13:20Z"
    assert found.describe("prod") == (
        "canary: 10 % of the visitors meet release 5 in green since 22:13:20, until 22:18:20 UTC, "
        "by anna@laptop; inv deploy --env=prod --promote, or --abort"
    )
    assert canary_record.read(Manager(token="of a later deploy"), APP) is None
    assert canary_record.read(Manager(at="1699999900"), APP) is None, "silent for 130 s"
    assert canary_record.read(Manager(), "another") is None


def test_of_two_who_decide_the_first_one_does() -> None:
    manager = Manager()
    assert canary_record.decision_on(manager, APP, "t1") is None
    first, second = Decision("promote", "anna@laptop"), Decision("abort", "bob@desk")
    assert canary_record.decide(manager, APP, "t1", first) == first
    assert canary_record.decide(manager, APP, "t1", second) == first
    assert canary_record.decision_on(manager, APP, "t2") is None, "it is of one canary"
