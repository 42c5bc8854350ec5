"""What a restore decides before and after it touches anything."""

from dataclasses import replace

import pytest

from slipway.backups.format import sums
from slipway.backups.format.manifest import Locale, Part
from slipway.backups.restore import apart, compare, preflight, scrub
from slipway.backups.restore.compare import DatabaseState
from slipway.backups.restore.local_dump import DumpSource, LocalDump
from slipway.backups.restore.preflight import Target
from slipway.backups.restore.restore import Restore
from slipway.backups.restore.spec import RestoreSpec
from slipway.backups.take.snapshot import Snapshot
from slipway.database import siblings
from slipway.database.connection import Server
from slipway.errors import ConfigError, Refused, SlipwayError, UsageError
from slipway.progress import Silent
from slipway.project import ROOT
from slipway.storage.folder import FolderStore
from tests.fakes import stored_backup

LOCALE = Locale("UTF8", "c", "C.UTF-8", "C.UTF-8")
MANIFEST = replace(
    stored_backup.BLANK,
    id="20261122T021500Z-1f3a",
    created="2026-11-22T02:15:00Z",
    locale=LOCALE,
    extensions={"plpgsql": "1.0", "pg_trgm": "1.6"},
    roles=("logbook", "reader", "pg_database_owner"),
    tables={"public.people": 1000, "public.large": None},
    large_objects=2,
    sequences=1,
    migrations=("1", "2"),
    database_size=100 << 20,
    plain=Part(10, "0" * 64),
    dump=Part(12, "0" * 64),
    globals=Part(1, "0" * 64),
)
TARGET = Target(
    major=17,
    user="logbook",
    is_super=True,
    may_create_database=True,
    extensions=frozenset({"plpgsql", "pg_trgm"}),
    roles=frozenset({"logbook", "reader"}),
    sessions=90,
    free=1 << 30,
)
FACTS = Snapshot(
    server="17.6",
    locale=LOCALE,
    extensions={"plpgsql": "1.0", "pg_trgm": "1.7"},
    roles=("logbook",),
    tables={},
    unlogged=(),
    foreign=(),
    large_objects=2,
    sequences=1,
    migrations=("1", "2"),
    size=0,
    is_held=False,
)
SAME = DatabaseState(FACTS, {"public.people": 1000, "public.large": 7}, (), ())
STORE = FolderStore(ROOT / "nowhere", "nowhere")
SERVER = Server("nowhere", 5432, "logbook", "logbook", ROOT / "nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"major": 16}, "from PostgreSQL 17 and the server is older (16)"),
        ({"may_create_database": False}, "alter role logbook createdb"),
        ({"extensions": frozenset({"plpgsql"})}, "no extension pg_trgm"),
        ({"roles": frozenset({"logbook"})}, "the roles reader do not exist"),
        ({"free": 100 << 20}, "100 MB free, and about 114 MB are needed"),
        ({"sessions": 4}, "room for 4 more sessions"),
    ],
)
def test_each_thing_that_a_server_lacks_is_named(change: dict[str, object], said: str) -> None:
    assert preflight.judge(TARGET, MANIFEST, None).problems == ()
    (problem,) = preflight.judge(replace(TARGET, **change), MANIFEST, None).problems  # type: ignore[arg-type]
    assert said in problem


def test_a_server_takes_what_is_older_and_as_many_jobs_as_it_has_sessions_for() -> None:
    assert preflight.judge(replace(TARGET, major=18), MANIFEST, None).problems == ()
    assert preflight.judge(TARGET, MANIFEST, None, cores=8).jobs == 8
    assert preflight.judge(replace(TARGET, sessions=7), MANIFEST, None, cores=8).jobs == 3


def test_without_a_superuser_no_role_is_missed_and_it_is_told() -> None:
    found = preflight.judge(replace(TARGET, is_super=False, roles=frozenset()), MANIFEST, None)
    assert (found.problems, found.missing_roles) == ((), ())
    assert "not a superuser" in found.notes[0]


@pytest.mark.parametrize(
    ("roles", "keeps"),
    [
        (("logbook", "logbook_owner"), True),
        (("logbook",), False),  # from before there were roles: its owner had every right
        (("logbook", "logbook_owner", "clerk"), False),
    ],
)
def test_rights_are_kept_where_the_backup_has_the_roles_of_the_server(
    roles: tuple[str, ...], keeps: bool
) -> None:
    here = frozenset({"logbook", "logbook_owner", "logbook_reader"})
    target = replace(TARGET, is_super=False, user="logbook_owner", roles=here)
    found = preflight.judge(target, replace(MANIFEST, roles=roles), None, has_roles=True)
    assert (found.keeps_rights, bool(found.notes)) == (keeps, not keeps)


def test_a_foreign_file_says_itself_what_it_needs() -> None:
    entries = (
        "2; 3079 16385 EXTENSION - postgis ",
        "3303; 0 0 COMMENT - EXTENSION postgis ",
        "215; 1259 16386 TABLE public people alice",
        "6; 2615 2200 SCHEMA - public pg_database_owner",
    )
    archive = LocalDump(3, 18, 18, entries)
    found = preflight.judge(TARGET, None, archive)
    assert found.missing_roles == ("alice",)
    assert [text.split(";")[0] for text in found.problems] == [
        "it is from PostgreSQL 18 and the server is older (17)",
        "the server has no extension postgis",
        "the roles alice do not exist there",
    ]


def test_what_differs_from_the_backup_is_said_and_only_that() -> None:
    assert compare.differences(MANIFEST, SAME) == []
    other = DatabaseState(
        replace(FACTS, migrations=("1",), large_objects=1, extensions={}),
        {"public.people": 999, "public.more": 1},
        ("people_pkey",),
        (),
    )
    assert compare.differences(MANIFEST, other) == [
        "public.people has 999 rows instead of 1000",
        "the table public.large is missing",
        "the table public.more is not in the backup",
        "its newest migration is 1 instead of 2",
        "1 large objects instead of 2",
        "the extension pg_trgm, plpgsql is missing",
        "the index people_pkey is not valid",
    ]


def test_a_database_is_held_against_another_one_as_against_a_backup() -> None:
    assert compare.differences(SAME, SAME) == []
    other = replace(SAME, counts={"public.people": 999, "public.large": 7})
    (problem,) = compare.differences(SAME, other)
    assert problem == "public.people has 999 rows instead of 1000"
    with pytest.raises(SlipwayError, match="the old one serves"):
        compare.demand([problem])


def test_a_database_that_shrinks_is_told_once_it_shrinks_too_much() -> None:
    assert compare.shrunk({"a": 1000}, {"a": 800}, 20) == ""
    assert "more than 20 % fewer" in compare.shrunk({"a": 1000}, {"a": 799}, 20)
    assert "a had 1000 rows" in compare.shrunk({"a": 1000, "b": 10_000}, {"b": 10_000}, 20)
    assert compare.shrunk({}, {"a": 1}, 20) == ""


@pytest.mark.parametrize(
    ("origins", "environment", "text", "goes"),
    [
        ({"prod"}, "prod", "", True),
        ({"staging"}, "prod", "select 1", False),
        ({"prod", "staging"}, "prod", "select 1", False),
        ({"prod"}, "staging", "", False),
        ({"prod"}, "staging", "-- nothing", False),
        ({"prod"}, "staging", "delete from people", True),
        ({"testing"}, "staging", "", True),
        (set(), "prod", "", True),
    ],
)
def test_data_goes_only_where_it_may(
    origins: set[str], environment: str, text: str, goes: bool
) -> None:
    if goes:
        scrub.demand(origins, environment, text)
        return
    with pytest.raises(Refused):
        scrub.demand(origins, environment, text)


@pytest.mark.parametrize("text", ["commit; select 1", "\\! rm -rf /", "begin; delete from people"])
def test_a_scrub_file_cannot_leave_its_transaction(text: str) -> None:
    with pytest.raises(ConfigError, match=r"backups/scrub\.sql"):
        scrub.check(text)


@pytest.mark.parametrize(
    ("sql", "origins"),
    [
        ("COPY slipway.identity (one, environment) FROM stdin;\nt\tprod\t2026-11\n\\.\n", {"prod"}),
        ("COPY slipway.identity (one, environment) FROM stdin;\n\\.\n", set()),
        ("INSERT INTO slipway.identity VALUES (true, 'staging', '2026-11');\n", {"staging"}),
        ("INSERT INTO slipway.identity (one) VALUES\n\t(true, 'prod', '2026');\n", {"prod"}),
    ],
)
def test_a_dump_says_whose_data_it_holds(sql: str, origins: set[str]) -> None:
    assert scrub.origins_said(f"SET row_security = off;\n{sql}") == origins


def test_productions_data_is_scrubbed_apart_or_goes_nowhere() -> None:
    spec = RestoreSpec("staging", scrub="delete from people")
    assert not apart.is_needed({"staging"}, spec, {})
    assert apart.is_needed({"prod"}, spec, {"DRILL_SERVER": "drill"})
    with pytest.raises(Refused, match=r"no container to scrub it in .* add the service drill"):
        apart.is_needed({"prod"}, spec, {})
    apart.demand_version("17.6", 17)
    with pytest.raises(Refused, match="does not go back into a server of 17"):
        apart.demand_version("18.1", 17)


def restore_of(source: DumpSource, spec: RestoreSpec) -> Restore:
    return Restore(SERVER, source, spec, Silent())


def test_a_restore_shows_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRILL_SERVER", "drill")

    def names(environment: str, **given: str) -> list[str]:
        spec = RestoreSpec(environment, into=given.get("into", ""), scrub="delete from people")
        origin = replace(MANIFEST, environment=given.get("origin", "prod"))
        plan = restore_of(DumpSource(STORE, origin), spec).plan()
        assert plan.title == f"restore 20261122T021500Z-1f3a into {given.get('into', 'logbook')}"
        return [step.name for step in plan.steps]

    rest = ["create", "fill", "compare", "mark"]
    assert names("prod") == ["fetch", "preflight", *rest, "swap"]
    assert names("dev", into="x") == ["fetch", "preflight", "scrub", *rest, "name"]
    assert names("dev", origin="dev") == ["fetch", "preflight", "origin", *rest, "swap"]


def test_what_a_restore_leaves_when_it_fails_is_dropped_by_its_steps() -> None:
    plan = restore_of(DumpSource(STORE, MANIFEST), RestoreSpec("prod")).plan()
    assert [step.name for step in plan.steps if step.undo] == ["fetch", "create"]


def test_a_table_alone_replaces_nothing() -> None:
    with pytest.raises(UsageError, match="--into"):
        restore_of(DumpSource(STORE, file="x"), RestoreSpec("dev", tables=["people"]))


def test_productions_data_is_refused_elsewhere_before_anything_is_connected_to() -> None:
    with pytest.raises(Refused, match=r"scrub\.dev\.sql"):
        restore_of(DumpSource(STORE, MANIFEST), RestoreSpec("dev"))


def test_names_of_databases_beside_fit_and_never_meet() -> None:
    moment = "20261122T021500Z-1f3a"
    names = {
        siblings.name_of(name, siblings.RESTORE, moment)
        for name in ("a", "x" * 63, "x" * 62, "ü" * 31, "ü" * 30 + "u", "x" * 32, "x" * 33)
    }
    assert len(names) == 7
    assert all(len(name.encode()) <= siblings.LONGEST_NAME for name in names)
    assert siblings.name_of("app", siblings.BEFORE, "20261122T021500Z") == (
        "app__before_20261122T021500Z"
    )


def test_rows_are_summed_table_by_table_whatever_they_hold() -> None:
    script = b"""SET x;
COPY public.a (id) FROM stdin;
1
COPY public.b (id) FROM stdin;
\\.

COPY public."b c" (id) FROM stdin;
\\.
"""
    found = sums.of(script.splitlines(keepends=True))
    assert list(found) == ["public.a (id)", 'public."b c" (id)']
    long = b"COPY a (id) FROM stdin;\n" + b"x" * 50 + b"\n\\.\n"
    rows = long[24:-3]
    pieces = [long[:24], *(rows[n : n + 7] for n in range(0, len(rows), 7)), long[-3:]]
    assert sums.of(pieces) == sums.of(long.splitlines(keepends=True)) != {}
    other = sums.of(script.replace(b"1\n", b"2\n").splitlines(keepends=True))
    assert sums.differences(found, found) == []
    assert sums.differences(found, other) == [
        "the rows of public.a differ from the backup (SHA-256)"
    ]
