"""What is imported is told by what it holds, and no password is taken from a command line."""

import gzip
import io
import re
import tarfile
from pathlib import Path

import pytest

from slipway.backups.restore import sql_script
from slipway.backups.restore.spec import Way
from slipway.client import importing
from slipway.errors import Refused, UsageError


def tar(path: Path, name: str) -> None:
    with tarfile.open(path, "w") as archive:
        archive.addfile(tarfile.TarInfo(name), io.BytesIO())


def test_a_file_is_what_it_begins_with_whatever_it_is_called(tmp_path: Path) -> None:
    file, folder = tmp_path / "old.backup", tmp_path / "d"
    folder.mkdir()
    (folder / "toc.dat").write_bytes(b"PGDMP")
    assert importing.kind_of(folder) == "folder"
    for content, kind in (
        (b"PGDMP\x01", "custom"),
        (b"--\n-- PostgreSQL database dump\n", "sql"),
        (gzip.compress(b"select 1;", mtime=0), "sql"),
    ):
        file.write_bytes(content)
        assert importing.kind_of(file) == kind
    tar(file, "toc.dat")
    assert importing.kind_of(file) == "tar"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "old.backup is empty"),
        (b"\xfd7zXZ\x00rest", r"unpack it first: xz -d \S+old\.backup"),
        (b"PK\x03\x04rest", "unpack it first: unzip "),
        (gzip.compress(b"PGDMP\x01", mtime=0), "unpack it first: gunzip "),
    ],
)
def test_what_cannot_be_read_says_what_to_type(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    (tmp_path / "old.backup").write_bytes(content)
    with pytest.raises(UsageError, match=sentence):
        importing.kind_of(tmp_path / "old.backup")
    with pytest.raises(UsageError, match=r"no file, no folder of pg_dump -Fd, and no\s+postgres:"):
        importing.kind_of(tmp_path / "none")
    with pytest.raises(UsageError, match=r"this folder has no toc\.dat"):
        importing.kind_of(tmp_path)


def test_the_address_of_a_server_is_read_and_its_text_shows_no_password() -> None:
    way = importing.way_of("postgresql://a%40b@db.example.com:5433/shop?sslmode=require")
    assert way == Way("db.example.com", 5433, "a@b", "shop", "require")
    assert "hunter2" not in repr(Way("h", 1, "u", "d", "", "hunter2"))


@pytest.mark.parametrize(
    ("text", "error", "sentence"),
    [
        ("postgres://a:hunter2@h/d", UsageError, "is seen by everybody on this computer"),
        ("postgres://a@h/d?password=hunter2", UsageError, "is seen by everybody"),
        ("postgres://h/d", UsageError, "write postgres://USER@HOST:PORT/DATABASE"),
        ("postgres://a@h/d?options=x", UsageError, "only sslmode may follow"),
        ("postgres://a@h/d?sslmode=always", UsageError, "sslmode is one of disable"),
        ("postgres://a@h:port/d", UsageError, "is no address"),
        ("postgres://a@localhost/d", Refused, r"take a dump here .*pg_dump -Fc -h localhost"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(
    text: str, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence) as caught:
        importing.way_of(text)
    assert "hunter2" not in str(caught.value)


DUMP = rb'''--
\restrict abc
CREATE ROLE shop;
ALTER ROLE shop WITH LOGIN PASSWORD 'md5123';
CREATE DATABASE shop WITH TEMPLATE = template0;
ALTER DATABASE shop OWNER TO shop;
\connect shop
CREATE TABLE public.a (b text);
ALTER TABLE public.a OWNER TO "the ""owner""";
GRANT SELECT ON TABLE public.a TO reporting;
COPY public.a (b) FROM stdin;
\connect is a row
CREATE ROLE no;
\.
\unrestrict abc
'''


def test_a_script_is_kept_without_what_is_about_other_databases(tmp_path: Path) -> None:
    with (tmp_path / "x").open("w+b") as file:
        pieces = [DUMP[i : i + 7] for i in range(0, len(DUMP), 7)]
        script = sql_script.keep(pieces, file, "old.sql")
        file.seek(0)
        lines = file.read().decode().splitlines()
    assert lines == [
        *("--", "CREATE TABLE public.a (b text);"),
        'ALTER TABLE public.a OWNER TO "the ""owner""";',
        "GRANT SELECT ON TABLE public.a TO reporting;",
        *("COPY public.a (b) FROM stdin;", r"\connect is a row", "CREATE ROLE no;", r"\."),
    ]
    assert script.roles == {'the "owner"', "reporting"}
    assert script.databases == {"shop"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (b"-- MySQL dump 10.13\n", "is of MySQL; move it with pgloader first"),
        (b"\\connect a\n\\connect b\n", r"holds the databases a, b; take one of them: pg_dump -Fc"),
    ],
)
def test_a_script_of_another_kind_is_refused(tmp_path: Path, text: bytes, sentence: str) -> None:
    with (tmp_path / "x").open("w+b") as file, pytest.raises(Refused, match=sentence):
        sql_script.keep([text], file, "old.sql")


def test_a_packed_script_that_is_cut_is_refused() -> None:
    whole = gzip.compress(b"select 1;\n" * 1000, mtime=0)
    assert b"".join(sql_script.unpacked([whole], "x")) == b"select 1;\n" * 1000
    with pytest.raises(Refused, match=re.escape("x is cut: its end is missing")):
        list(sql_script.unpacked([whole[:-9]], "x"))
