"""Cells run in a real bash: what they leave to each other, how they end, what nobody sees."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.cells import output, process_tree
from slipway.notebook.cells.mask import Mask
from slipway.notebook.cells.result import CellResult
from slipway.notebook.cells.session import CellSession
from slipway.notebook.document import Attributes, Cell, Language

SECRET = "hunter2-and-more"
HOSTILE = ['"; rm -rf / #', "$(touch ran)", "a\nb\n", "-n", "ü€ = ✓", "`touch ran`", "'x'", "*", ""]


class Page:
    """A screen that remembers, and does something once it has seen a word."""

    def __init__(self, word: bytes = b"", then: Callable[[], None] = lambda: None) -> None:
        self.seen = b""
        self._word, self._then = word, then

    def write(self, data: bytes) -> None:
        self.seen += data
        if self._word and self._word in self.seen:
            self._word = b""
            self._then()


class Deaf(Page):
    """A screen that forgets."""

    def write(self, data: bytes) -> None:
        pass


class Run:
    """A session with its folder, cells run by their text alone."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self.folder, self.n = folder, 0
        self.root = folder / "project"
        (self.root / "runbooks").mkdir(parents=True, exist_ok=True)
        (self.root / "runbooks" / "deploy.md").touch()
        for inner in ("cells", "state"):
            (folder / inner).mkdir(exist_ok=True)
        variables = {"RUNBOOK": "deploy", **variables}
        self.said: list[str] = []
        self.session = CellSession(
            folder, variables, Mask([SECRET]), root=self.root, debug=self.said.append
        )
        self.page = Page()

    def __call__(
        self,
        source: str,
        attributes: Attributes = Attributes(),  # noqa: B008  frozen
        *,
        line: int = 1,
        language: Language = "sh",
        page: Page | None = None,
    ) -> CellResult:
        self.n += 1
        self.page = page or Page()
        cell = Cell(line, "steps", "the-cell", "The cell", language, source, attributes)
        return self.session.run(cell, self.n, self.page)

    def printed(self, source: str, language: Language = "sh") -> str:
        """Run what has to pass, return what it printed."""
        result = self(source, language=language)
        assert result.passed, self.page.seen
        return self.page.seen.decode()

    def again(self) -> "Run":
        """The same run after its process has died, the last state taken up."""
        run = Run(self.folder)
        run.n = self.n
        run.session.load(self.n)
        return run


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    yield Run(tmp_path)
    assert [path.name for path in tmp_path.glob("*/*.draft")] == []
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*/[0-9]*")} <= {0o600}


def test_the_next_cell_finds_what_the_last_one_left_but_not_its_strictness(run: Run) -> None:
    run.printed(
        'export A="1 \\" $ \\`x\\`"; B=(x "y z"); cd /tmp; f() { echo "f $A"; }; set +e\n'
        "declare -A M=([k]='v w'); declare -i I=3; readonly R=r; umask 027; shopt -s nullglob\n"
        "N=$'two\\nlines'; unset -v HOME"
    )
    seen = 'f; echo "${B[1]} ${M[k]} $R $N $PWD $(umask)"; I+=4; echo $I; shopt nullglob || :'
    expected = 'f 1 " $ `x`\ny z v w r two\nlines /tmp 0027\n7\nnullglob       \ton\n'
    assert run.printed(seen) == expected
    assert run.again().printed("I=3\n" + seen) == expected
    assert run.printed('env | grep -c "^A=" && echo ${HOME-gone}') == "1\ngone\n"
    assert run("false\necho on").code == 1


def test_a_cell_ends_its_own_shell_alone(run: Run) -> None:
    assert run("X=1; exit 0; X=2").passed
    assert run.printed("echo $X; (exit 0); Y=3; trap 'echo bye' EXIT; exit") == "1\nbye\n"
    assert run.printed('echo "$X $Y"; exec true').startswith("1 3\n")
    assert run("X=9; exit 7").code == 7
    assert run("X=9; set +e; (exit 5)").code == 5
    assert run.printed('echo "$X $Y"') == "1 3\n"


def test_the_strict_mode_holds_and_errors_carry_the_runbooks_own_line(run: Run) -> None:
    assert run("false | true").code == 1
    assert not run("echo one\necho $TAG", line=33).passed
    assert "runbooks/deploy.md: line 35: TAG: unbound variable" in run.page.seen.decode()
    assert not run("if", line=33).passed
    assert "runbooks/deploy.md: eval: line 3" in run.page.seen.decode()
    assert run.printed("cat <<EOT\na\n\n  b\n\nEOT") == "a\n\n  b\n\n"


@pytest.mark.parametrize("language", ["sh", "python"])
def test_parameters_are_values_whatever_they_look_like(tmp_path: Path, language: Language) -> None:
    run = Run(tmp_path, **{f"P{n}": value for n, value in enumerate(HOSTILE)})
    source = "".join(f'printf "%s\\0" "$P{n}"\n' for n in range(len(HOSTILE)))
    if language == "python":
        source = (
            f"import os\nfor n in range({len(HOSTILE)}): print(os.environ[f'P{{n}}'], end='\\0')"
        )
    for _ in range(2):  # also from a state
        assert run.printed(source, language=language).split("\0")[:-1] == HOSTILE
        run.printed("P0+=x; P0=${P0%x}")
    assert list(run.root.glob("ran")) == []
    with pytest.raises(UsageError, match="TAG holds a NUL"):
        Run(tmp_path, TAG="a\0b")


def test_python_sees_the_shells_variables_and_the_shell_sees_its_changes(run: Run) -> None:
    run.printed("A=1; export B=2; C=3; cd /usr; f() { echo f; }")
    source = 'import os\nprint(os.environ["A"], os.getcwd(), os.environ["RUNBOOK_CELL"])\n'
    source += (
        'os.environ["A"] = "it\'s"; os.environ["NEW"] = "n"; del os.environ["C"]; os.chdir("/")'
    )
    assert run.printed(source, language="python") == "1 /usr the-cell\n"
    assert run.printed('f; echo "$A $B ${C-none} $NEW $PWD"') == "f\nit's 2 none n /\n"
    assert run("\n1 / 0", line=40, language="python").code == 1
    assert '"runbooks/deploy.md", line 42' in run.page.seen.decode()
    assert "python_cell" not in run.page.seen.decode()
    assert run("raise SystemExit(4)", language="python").code == 4


def test_a_cells_own_folder_is_for_it_alone_and_has_to_be_there(run: Run) -> None:
    (run.root / "sub").mkdir()
    assert run("pwd", Attributes(cwd="sub")).passed
    assert run.page.seen.decode() == f"{run.root}/sub\n"
    assert run.printed("pwd; echo $RUNBOOK_CELL") == f"{run.root}\nthe-cell\n"
    result = run("touch ran", Attributes(cwd="gone"))
    assert (result.outcome, result.code) == ("failed", None)
    assert "gone: there is no such folder" in result.message


def test_a_timeout_ends_all_that_the_cell_has_started(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.notebook.cells.process.GRACE_AFTER_TERM", 0.3)
    pids = run.root / "pids"
    source = f"(trap '' TERM; set -m; sleep 61 & echo $! >> {pids}; wait) & sleep 60 & "
    source += f"echo $! >> {pids}; wait"
    result = run(source, Attributes(timeout=1.0))
    assert (result.outcome, result.code, result.left) == ("timed out", None, ())
    assert [pid for pid in pids.read_text().split() if is_running(int(pid))] == []


def test_what_is_left_in_the_background_is_named_and_holds_nothing_up(run: Run) -> None:
    # A pipe is opened only once both ends are there, so by then it is cat and no more a bash.
    result = run("mkfifo line; cat line line & : > line; echo $!")
    pid = int(run.page.seen)
    assert result.passed and result.left == (f"{pid} cat",)
    os.kill(pid, signal.SIGKILL)


def test_capture_takes_stdout_for_later_cells(run: Run) -> None:
    result = run("echo ' a  b '; echo; echo err >&2", Attributes(capture="SHA"))
    assert (result.captured, result.passed) == (" a  b \n", True)
    assert b"err" in run.page.seen and b" a  b " in run.page.seen
    assert run.printed('echo "[$SHA]"') == "[ a  b \n]\n"
    assert run.again().printed('echo "[$SHA]"') == "[ a  b \n]\n"
    result = run(f"echo {SECRET[:6]}''{SECRET[6:]}", Attributes(capture="TOKEN"))
    assert (result.captured, result.unkept) == ("***", ("TOKEN",))
    assert run.printed("echo ${#TOKEN}") == f"{len(SECRET)}\n"
    result = run("head -c 1000001 /dev/zero | tr '\\0' x", Attributes(capture="BIG"))
    assert result.outcome == "failed" and "at most 1 MB" in result.message


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


def test_a_condition_is_judged_in_the_present_state_and_changes_nothing(run: Run) -> None:
    run.printed("X=1; f() { return 1; }")
    assert run.session.test('[ "$X" = 1 ]')
    assert not run.session.test("X=2; cd /; f")
    assert not run.session.test("(exit 3)")
    assert run.printed("echo $X $PWD") == f"1 {run.root}\n"
    with pytest.raises(SlipwayError, match=r"cannot be evaluated: .*NOPE: unbound variable"):
        run.session.test('[ "$NOPE" = 1 ]')


def test_ctrl_c_ends_the_cell_and_not_the_run(run: Run) -> None:
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("sleep 60 & echo ready; sleep 60; echo on", page=interrupt)
    assert (result.outcome, result.code, result.left) == ("interrupted", None, ())
    assert run.page.seen == b"ready\n"
    assert run.printed("echo on") == "on\n"


def test_a_traceback_that_answers_ctrl_c_is_not_shown(run: Run) -> None:
    (run.root / "inv").write_text(
        f"#!{sys.executable}\nimport os, time\nos.write(1, b'ready\\n')\n"
        "try: time.sleep(60)\nexcept KeyboardInterrupt: raise ValueError('closed file')\n"
    )
    (run.root / "inv").chmod(0o755)
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("inv\necho on", page=interrupt)
    assert result.outcome == "interrupted"
    assert run.page.seen == b"ready\n" == result.log.read_bytes()


def test_a_cell_that_does_not_heed_ctrl_c_is_killed(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("slipway.notebook.cells.process.GRACE_AFTER_INTERRUPT", 0.3)
    interrupt = Page(b"ready", lambda: os.kill(os.getpid(), signal.SIGINT))
    result = run("trap '' INT TERM; echo ready; sleep 60; sleep 60", page=interrupt)
    assert result.outcome == "interrupted"


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
from tests.unit.notebook.cells.test_session import Deaf, Run
run = Run(Path(sys.argv[1]))
run("seq -f %099.0f 10000 > block")
result = run("for i in {1..220}; do cat block; done", page=Deaf())
assert result.size > 200_000_000, result
excerpt(result.log)
print(int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_much_output_takes_little_memory(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", MUCH, str(tmp_path)]
    root = Path(__file__).resolve().parents[4]
    done = subprocess.run(argv, cwd=root, capture_output=True, text=True, check=True)
    assert int(done.stdout) < 120  # MB; pytest itself is in it


def test_a_state_that_is_none_is_refused_by_name(run: Run) -> None:
    run.printed("X=1")
    (run.folder / "state" / "01.sh").write_text("rm -rf /\n")
    for n in (1, 7):
        with pytest.raises(SlipwayError, match=f"state/0{n}.sh: .*state"):
            run.session.load(n)
    assert run.session.load(0) == ()


def is_running(pid: int) -> bool:
    try:
        return any(member.pid == pid for member in process_tree.members(os.getsid(pid)))
    except ProcessLookupError:
        return False


def command_lines() -> Iterator[bytes]:
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            yield path.read_bytes()
        except OSError:
            time.sleep(0)  # it has just ended


def test_python_finds_the_variables_whatever_separates_words(run: Run) -> None:
    run("A=1; B='x y'; IFS=,")
    assert run.printed("import os; print(os.environ['A'], os.environ['B'])", "python") == "1 x y\n"
    assert run.printed('printf "[%s]" "$IFS"') == "[,]"


def test_variables_are_told_as_the_next_cell_would_find_them(tmp_path: Path) -> None:
    run = Run(tmp_path, GIVEN="before", KEPT="kept")
    run("GIVEN=after; TEXT=$'a  b\\nc'; unset GONE; IFS=,e", Attributes())
    run("printf 3", Attributes(capture="N"))
    told = run.session.values(["GIVEN", "KEPT", "TEXT", "N", "GONE"])
    assert told == {"GIVEN": "after", "KEPT": "kept", "TEXT": "a  b\nc", "N": "3"}
    assert run.session.values([]) == {}


@pytest.mark.parametrize(
    ("source", "language"),
    [("export Z=1; printf x; exec true", "sh"), ("import os; os._exit(0)", "python")],
)
def test_a_cell_that_ends_its_shell_itself_says_that_its_variables_are_lost(
    run: Run, source: str, language: Language
) -> None:
    said = "! it ended its own shell, as exec does: later cells do not have what it set\n"
    assert run.printed(source, language).endswith(said)
    assert (run.folder / "cells" / "01.log").read_text().splitlines(keepends=True)[-1] == said
    assert said not in run.printed("export Z=1; exit 0")


def test_a_screen_that_is_gone_is_no_bash_that_cannot_be_started(run: Run) -> None:
    def gone() -> None:
        raise BrokenPipeError(32, "Broken pipe")

    with pytest.raises(BrokenPipeError, match="Broken pipe; the-cell may have run"):
        run("echo begun; sleep 60", page=Page(b"begun", gone))


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("source", ["echo begun; sleep 60", "printf x"])
def test_a_log_that_cannot_be_written_ends_the_cell_and_is_named(run: Run, source: str) -> None:
    log = run.folder / "cells" / "01.log"
    log.symlink_to("/dev/full")
    began = time.monotonic()
    with pytest.raises(SlipwayError) as told:
        run(source)
    log.unlink()
    assert time.monotonic() - began < 30
    why = f"{log} cannot be written: No space left on device; the-cell may have run"
    assert why in str(told.value)
    assert f"--resume={run.folder.name}" in str(told.value)
