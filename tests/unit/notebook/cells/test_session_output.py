"""What cells print: secrets that nobody sees, odd bytes, much of it."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.errors import SlipwayError
from slipway.notebook.cells import output
from tests.fakes.cell_run import SECRET, Page, Run


def test_a_secret_is_seen_by_the_cells_and_by_nobody_else(tmp_path: Path) -> None:
    run = Run(tmp_path, PGPASSWORD=SECRET)
    seen: list[bytes] = []
    source = f'T=$PGPASSWORD; f() {{ : {SECRET}; }}; echo "$T"; echo on-the-page; sleep 0.2'
    result = run(source, page=Page(b"on-the-page", lambda: seen.extend(command_lines())))
    assert result.unkept == ("T", "f()") and run.page.seen.startswith(b"***\n")
    assert any(b"bash" in line for line in seen)
    assert not any(SECRET.encode() in line or b"echo on-the-page" in line for line in seen)
    assert run.printed('[ "$T" = "$PGPASSWORD" ]; X=$(f)') == ""
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]
    assert run.said and SECRET not in "".join(run.said)
    assert run.again().session.load(run.n) == ("T", "f()")
    with pytest.raises(SlipwayError, match="T: unbound variable") as caught:
        run.again().session.test(f'[ "$T" = {SECRET} ]')
    assert SECRET not in str(caught.value)


def test_a_secret_that_comes_in_pieces_is_masked_in_the_log(run: Run) -> None:
    pieces = "; sleep 0.05; ".join(
        f"printf %s {each}" for each in ("hunt", "er2-a", "nd-more", "!")
    )
    result = run(pieces)
    assert result.log.read_text() == run.page.seen.decode() == "***!"
    assert (result.size, result.lines) == (4, 1)


def test_odd_bytes_end_nothing(run: Run) -> None:
    result = run("printf 'a\\0b\\377\\n'; echo on; X=$'\\377'")
    assert run.page.seen == b"a\0b\xff\non\n"
    assert output.excerpt(result.log) == "ab�\non"
    assert run.again().printed('printf %s "$X" | od -An -tx1').split() == ["ff"]


def test_an_excerpt_reads_as_the_screen_did_and_leaves_out_the_middle(run: Run) -> None:
    result = run(r"printf '\033[1;31mred\033[0m\n 10%%\r 50%%\r100%%\n'; seq 1000000")
    assert output.excerpt(result.log, 6).splitlines() == [
        "red",
        "100%",
        "1",
        "… 999,996 lines left out, full text in cells/01.log",
        "999998",
        "999999",
        "1000000",
    ]
    assert result.lines == 1_000_002


# Not ru_maxrss, which begins with what the process that started this one had.
MUCH = """
import re, sys
from pathlib import Path
from slipway.notebook.cells.output import excerpt
from tests.fakes.cell_run import Deaf, Run
run = Run(Path(sys.argv[1]))
run("seq -f %099.0f 10000 > block")
result = run("for i in {1..110}; do cat block; done", page=Deaf())
assert result.size > 100_000_000, result
excerpt(result.log)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_much_output_takes_little_memory(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", MUCH, str(tmp_path)]
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 60  # MB, of which Python has 15


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            time.sleep(0)  # it has just ended
