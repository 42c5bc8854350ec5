"""Cells run in a real bash: what they leave to each other, how they end, what nobody sees."""

from pathlib import Path

import pytest

from slipway.errors import SlipwayError, UsageError
from slipway.notebook.document import Attributes, Language
from tests.fakes.cell_run import SECRET, Run

HOSTILE = ['"; rm -rf / #', "$(touch ran)", "a\nb\n", "-n", "ü€ = ✓", "`touch ran`", "'x'", "*", ""]


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


def test_a_condition_is_judged_in_the_present_state_and_changes_nothing(run: Run) -> None:
    run.printed("X=1; f() { return 1; }")
    assert run.session.test('[ "$X" = 1 ]')
    assert not run.session.test("X=2; cd /; f")
    assert not run.session.test("(exit 3)")
    assert run.printed("echo $X $PWD") == f"1 {run.root}\n"
    with pytest.raises(SlipwayError, match=r"cannot be evaluated: .*NOPE: unbound variable"):
        run.session.test('[ "$NOPE" = 1 ]')


def test_a_state_that_is_none_is_refused_by_name(run: Run) -> None:
    run.printed("X=1")
    (run.folder / "state" / "01.sh").write_text("rm -rf /\n")
    for n in (1, 7):
        with pytest.raises(SlipwayError, match=f"state/0{n}.sh: .*state"):
            run.session.load(n)
    assert run.session.load(0) == ()


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
