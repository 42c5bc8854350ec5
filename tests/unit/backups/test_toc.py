"""What a dump's table of contents says of its entries, and what a table needs by it."""

from slipway.backups.format import toc

LISTING = """;
; Archive created at 2026-11-29 16:07:32 UTC
8; 2615 16385 SCHEMA - lib logbook
3810; 0 0 COMMENT - EXTENSION btree_gist\x20
;	depends on: 3
1095; 1247 17119 TYPE lib mood logbook
;	depends on: 8
222; 1259 17135 TABLE public Two words logbook
;	depends on: 1095
227; 1259 17152 TABLE public part logbook
;	depends on: 222 1095
300; 0 0 TABLE ATTACH public part logbook
;	depends on: 227 222
3802; 0 17152 TABLE DATA public part logbook
;	depends on: 227
"""
LINES, NEEDS = toc.entries(LISTING), toc.needs(LISTING)
CONTENTS = toc.parse(LINES, NEEDS)


def test_an_entry_is_read_with_its_kind_its_name_and_what_it_needs() -> None:
    assert [(entry.kind, entry.name) for entry in CONTENTS] == [
        ("SCHEMA", "- lib"),
        ("COMMENT", "- EXTENSION btree_gist"),
        ("TYPE", "lib mood"),
        ("TABLE", "public Two words"),
        ("TABLE", "public part"),
        ("TABLE ATTACH", "public part"),
        ("TABLE DATA", "public part"),
    ]
    assert CONTENTS[4].needs == {222, 1095}


def test_a_partition_stands_alone_since_version_14_and_needs_its_whole_before() -> None:
    alone = toc.standing_alone(CONTENTS, NEEDS, is_old=False)
    assert toc.closure(alone, {227}) == {227, 1095, 8}
    attached = toc.standing_alone(CONTENTS, NEEDS, is_old=True)
    assert toc.closure(attached, {227}) == {227, 222, 1095, 8}
    assert toc.partitions(CONTENTS, NEEDS, 222, is_old=False) == {227}
