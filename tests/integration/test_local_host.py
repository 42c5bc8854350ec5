"""This computer as a host: nothing outlives its time, nothing is seen half-written."""

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest

from slipway.errors import CommandFailed
from slipway.hosts.local import LocalHost

HOST = LocalHost()


def is_alive(pid_file: Path) -> bool:
    """Whether the process of a pid file runs; one that is being reaped counts as ended."""
    stat = Path(f"/proc/{int(pid_file.read_text())}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


def gone_soon(pid_file: Path) -> bool:
    deadline = time.monotonic() + 60
    while is_alive(pid_file) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not is_alive(pid_file)


def test_the_timeout_ends_a_command_with_all_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    began = time.monotonic()
    with pytest.raises(CommandFailed, match="no end after 0 s") as caught:
        HOST.run(["sh", "-c", f"sleep 300 & echo $! >{pid}; wait"], timeout=0.4)
    assert caught.value.code == 124
    assert time.monotonic() - began < 60
    assert gone_soon(pid)


def test_the_timeout_also_ends_what_a_finished_command_left_holding_its_output(
    tmp_path: Path,
) -> None:
    pid = tmp_path / "pid"
    with pytest.raises(CommandFailed, match="no end after"):
        HOST.run(["sh", "-c", f"sleep 300 & echo $! >{pid}"], timeout=0.4)
    assert gone_soon(pid)


def test_a_reader_that_breaks_off_ends_the_command(tmp_path: Path) -> None:
    pid = tmp_path / "pid"

    def interrupted(line: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        HOST.follow(["sh", "-c", f"sleep 300 & echo $! >{pid}; echo x; wait"], interrupted)
    assert gone_soon(pid)


def test_lines_of_both_outputs_are_handed_over_as_they_come() -> None:
    lines: list[str] = []
    code = HOST.follow(["sh", "-c", "echo a; echo b >&2; printf '\\377c'; exit 3"], lines.append)
    assert (code, lines) == (3, ["a", "b", "\ufffdc"])


def test_input_is_streamed_and_not_gathered_first(tmp_path: Path) -> None:
    seen = tmp_path / "seen"

    def chunks() -> Iterator[bytes]:
        yield b"first\n"
        # The command has read the first chunk before the second is made.
        deadline = time.monotonic() + 60
        while not seen.exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        yield b"second\n"

    done = HOST.run(["sh", "-c", f"read line; echo $line >{seen}; cat"], stdin=chunks())
    assert done.out == "second\n"


def test_a_big_stream_arrives_whole() -> None:
    chunk = bytes(range(256)) * 4096
    done = HOST.run(["sha256sum"], stdin=(chunk for _ in range(64)), timeout=60)
    expected = subprocess.run(["sha256sum"], input=chunk * 64, capture_output=True, check=True)
    assert done.out == expected.stdout.decode()


def test_input_that_breaks_off_is_not_taken_for_its_end(tmp_path: Path) -> None:
    ended = tmp_path / "ended"

    def chunks() -> Iterator[bytes]:
        yield b"half"
        raise OSError("the source is gone")

    with pytest.raises(OSError, match="the source is gone"):
        HOST.run(["sh", "-c", f"cat >/dev/null; echo all >{ended}"], stdin=chunks(), timeout=10)
    assert not ended.exists()


def test_a_command_that_wants_no_input_is_no_failure() -> None:
    assert HOST.run(["true"], stdin=(b"x" * 70_000 for _ in range(20))).code == 0


def test_a_failure_names_host_command_code_and_last_words() -> None:
    with pytest.raises(CommandFailed, match=r"^local: `sh -c .*` ended with 7: the last$"):
        HOST.run(["sh", "-c", "echo first >&2; echo the last >&2; exit 7"])
    with pytest.raises(CommandFailed, match="ended with 127: nonesuch: not found"):
        HOST.run(["nonesuch"])
    assert HOST.run(["sh", "-c", "exit 7"], check=False).code == 7


def test_a_file_is_never_seen_half_written_or_with_a_wider_mode(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    HOST.write(PurePosixPath(path), b"a" * 500_000, mode=0o600)
    stop = threading.Event()
    seen: set[tuple[int, int, int]] = set()

    def read() -> None:
        while not stop.is_set():
            with path.open("rb") as file:
                data = file.read()
                seen.add((len(data), len(set(data)), path.stat().st_mode & 0o777))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for letter in b"bcd" * 20:
            HOST.write(PurePosixPath(path), bytes([letter]) * 500_000, mode=0o600)
    finally:
        stop.set()
        reader.join()
    assert seen == {(500_000, 1, 0o600)}
    assert list(path.parent.iterdir()) == [path]


def test_an_answer_without_end_is_ended_before_it_fills_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("slipway.hosts.process.LARGEST_ANSWER", 1 << 20)
    for text in ("yes", "yes >&2"):
        with pytest.raises(CommandFailed, match="its answer is larger than"):
            HOST.run(["sh", "-c", text], timeout=60)


def test_a_line_without_end_comes_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slipway.hosts.process.LONGEST_LINE", 1000)
    lines: list[str] = []
    assert HOST.follow(["sh", "-c", "yes | tr -d '\\n' | head -c 2500"], lines.append) == 0
    assert [len(line) for line in lines] == [1000, 1000, 500]
