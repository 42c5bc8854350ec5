"""Restores of dumps with marks that a pg_dump older than the server wrote into them.

Which versions there are today is nobody's to say: the marks are put into a dump of this server.
"""

import re
from pathlib import Path

import pytest

from slipway.agent.messages.restore import DrillRequest, RestoreRequest
from slipway.errors import SlipwayError
from slipway.storage.folder import FolderStore
from tests.integration.backup_cases import KeyHolder
from tests.integration.postgres_stack import PostgresStack
from tests.integration.restore_cases import EVERYTHING, databases, plain_dump, restore

pytestmark = pytest.mark.engine

# What is to be a mark is an option of as many letters first.
OPTIONS = """
    alter table people alter name set (n_distinct=1234, n_distinct_inherited=-0.5);
    alter table people alter rate set (n_distinct=-0.25);
    alter table people alter feels set (n_distinct=1234);
    alter table "an ""odd"" schema"."Tab	le" alter "Col umn" set (n_distinct=1234);
    alter table visits alter person set (n_distinct=1234);
    alter table visits_2025 alter person set (n_distinct=1234);
    alter foreign table far alter a set (n_distinct=1234);
    alter materialized view per_mood alter feels set (n_distinct=1234);
"""
MARKS = 7
# A pg_dump that knows no marks: it writes out what it takes for an option.
OLDER = """\
#!/bin/bash
set -o pipefail
[ "$1" != --version ] || exec echo "pg_dump (PostgreSQL) 17.0"
case "$*" in *--schema-only*)
    exec echo "ALTER TABLE ONLY public.people ALTER COLUMN name SET (pg_attver=7);" ;;
esac
/usr/lib/postgresql/17/bin/pg_dump "$@" | LC_ALL=C sed 's/n_distinct=1234/pg_attver=01234/g'
"""
# What a server that keeps marks has in its catalog, here also on one that keeps none.
MARK = """
    update pg_attribute set attoptions = array['pg_attver=7']
    where attrelid = 'visits_2026'::regclass and attname = 'person' and attoptions is null
"""
ALONE = re.compile(r"^ALTER .* SET \(n_distinct=1234\);\n", re.MULTILINE)


def marked(dump: bytes) -> bytes:
    """Make marks of the options, in the definitions, which are not compressed."""
    made = dump.replace(b"n_distinct=1234", b"pg_attver=01234")
    assert made.count(b"pg_attver=01234") == MARKS
    return made


def definitions(place: PostgresStack, database: str = "logbook") -> str:
    argv = ("pg_dump", "-U", "logbook", "--exclude-schema=slipway", "--schema-only", database)
    text = place.corner.docker("exec", place.db, *argv)
    return re.sub(r"^\\(un)?restrict .*$", "", text, flags=re.MULTILINE)


@pytest.fixture
def everything(place: PostgresStack) -> PostgresStack:
    """A database with one of everything in it, and options on columns of all kinds."""
    place.sql(EVERYTHING)
    place.sql(OPTIONS)
    return place


def test_everything_but_the_marks_comes_back(everything: PostgresStack, tmp_path: Path) -> None:
    place = everything
    (tmp_path / "marked.dump").write_bytes(marked(plain_dump(place)))
    before = definitions(place)
    done = place.restore(
        RestoreRequest(file="marked.dump", into="marked"), FolderStore(tmp_path, str(tmp_path))
    )
    assert any(f"pg_attver of {MARKS} columns" in note for note in place.heard.notes)
    expected = ALONE.sub("", before).replace("(n_distinct=1234, n_dis", "(n_dis")
    assert expected != before
    assert definitions(place, "marked") == expected
    counts = "select count(*), max(name) from people"
    assert place.sql(counts, "marked") == place.sql(counts)
    assert done.rows == 500 + 1 + 400 + 2 + 1 + 1 + 2


def test_a_table_alone_comes_back_without_its_marks(
    everything: PostgresStack, tmp_path: Path
) -> None:
    (tmp_path / "marked.dump").write_bytes(marked(plain_dump(everything)))
    files = FolderStore(tmp_path, str(tmp_path))
    everything.call(RestoreRequest(file="marked.dump", into="alone", tables=("visits",)), files)
    assert everything.sql("select count(*) from visits", "alone") == [(400,)]
    assert everything.sql(
        "select count(*) from pg_attribute where attoptions::text like '%1234%'", "alone"
    ) == [(0,)]


def test_a_backup_tells_of_marks_and_is_drilled_and_restored_without(
    everything: PostgresStack, person: KeyHolder, store: FolderStore, tmp_path: Path
) -> None:
    script = tmp_path / "pg_dump"
    script.write_text(OLDER)
    script.chmod(0o755)
    everything.sql(MARK)
    with everything.beside("--volume", f"{script}:/usr/local/sbin/pg_dump:ro") as older:
        name = person.take(older, store)
        assert any("pg_dump here, released before it" in note for note in older.heard.notes)
        request = DrillRequest(id=name, key=person.open(store, name))
        assert older.call(request, store).proof.ok
        assert any("left out: pg_attver of" in note for note in older.heard.notes)
    everything.sql("drop event trigger watching; drop table visits")
    restore(everything, person, store, name)
    assert everything.sql("select count(*) from visits") == [(400,)]


def test_an_error_beside_the_marks_still_ends_the_restore(
    everything: PostgresStack, tmp_path: Path
) -> None:
    whole = marked(plain_dump(everything))
    broken = whole.replace(b"CREATE TYPE public.mood", b"CREATE TYPE public.food", 1)
    assert broken != whole
    (tmp_path / "broken.dump").write_bytes(broken)
    with pytest.raises(SlipwayError, match=r'pg_restore failed: type "public.mood" does not exist'):
        everything.call(
            RestoreRequest(file="broken.dump", into="broken"), FolderStore(tmp_path, str(tmp_path))
        )
    assert databases(everything) == {"logbook"}
