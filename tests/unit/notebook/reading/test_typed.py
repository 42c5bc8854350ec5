"""Shell that was written for people: what runs of it, and that a value arrives as it was typed."""

import subprocess
from pathlib import Path

import pytest

from slipway.notebook.document import Cell
from slipway.notebook.reading import parse, typed

VALUE = 'a\'b "c" $HOME `id` \\ *'


def cell(source: str, *, native: bool = False) -> Cell:
    text = f"# T\n\n```bash\n{source}\n```\n"
    (only,) = parse.parse(text, Path("theirs.md"), native=native)[0].cells()
    return only


@pytest.mark.parametrize(
    ("written", "runs"),
    [
        ("$ oc get pods", "oc get pods"),
        ("  $ oc get pods", "oc get pods"),
        ("$ oc get \\\n    pods \\\n  | wc\n12 3 4", "oc get \\\n    pods \\\n  | wc\n"),
        ("# look first\n$ oc get pods\nNAME READY\nx    1/1", "# look first\noc get pods\n\n"),
        (
            "$ cat <<EOF | oc apply -f -\nkind: A\nEOF\napplied",
            "cat <<EOF | oc apply -f -\nkind: A\nEOF\n",
        ),
        ("$ for x in a b; do\n>   echo $x\n> done", "for x in a b; do\n  echo $x\ndone"),
        ("$ echo 'one\ntwo'\none\ntwo", "echo 'one\ntwo'\n\n"),
        ("$ echo 'one\n$ date", "echo 'one\ndate"),
        ("sh-5.1# chroot /host\nsh-5.1$ ls", "chroot /host\nls"),
        ("[root@m1 ~]# df -h", "df -h"),
        ("anna@laptop:~/src$ make", "make"),
        ("(venv) $ make", "make"),
    ],
)
def test_prompts_and_output_do_not_run(written: str, runs: str) -> None:
    assert cell(written).source.rstrip("\n") == runs.rstrip("\n")
    assert typed.has_prompt(cell(written))


@pytest.mark.parametrize(
    "source",
    [
        "echo $x $HOME",
        "# a comment",
        "cat <<EOF\n$ no command\nEOF",
        "$(date)",
        '"$ENV"',
        "echo a\n$x",
        "# NAMESPACE=x",
    ],
)
def test_what_only_looks_like_a_prompt_is_left_alone(source: str) -> None:
    assert not typed.has_prompt(cell(source))
    assert cell(source).source == f"{source}\n"


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("printf %s <name>", VALUE),
        ("printf %s node/<name>/x", f"node/{VALUE}/x"),
        ('printf %s "is <name>."', f"is {VALUE}."),
        ("printf %s 'is <name>.'", f"is {VALUE}."),
        ('printf %s "$(printf %s <name>)"', VALUE),
        ("cat <<EOF\nis <name>\nEOF", f"is {VALUE}\n"),
        ("cat <<'EOF'\nis <name>\nEOF", "is <name>\n"),
        ("printf %s <NAME>  # <name>", VALUE),
        ("$ printf %s <name>\nis <name>", VALUE),
    ],
)
def test_what_is_filled_in_arrives_whatever_quotes_are_around_it(source: str, output: str) -> None:
    argv = ["bash", "-euc", cell(source).source]
    result = subprocess.run(argv, env={"NAME": VALUE}, capture_output=True, text=True, check=True)
    assert result.stdout == output


@pytest.mark.parametrize(
    "source",
    [
        *("sort <in.txt >out.txt", "sort <in.txt>out.txt", "cat <(date) >x", "cat <<EOF\na\nEOF"),
        *(
            "grep '<none>' x",
            "echo '<b>bold</b>'",
            "[[ $a <b && c> d ]]",
            "curl <https://x.example>",
        ),
        *("grep -P '(?<year>x)' f", "grep -P '(?P<year>x)' f", "wc -l < file > out"),
    ],
)
def test_what_only_looks_like_a_blank_is_left_alone(source: str) -> None:
    assert cell(source).blanks == () and cell(source).source == f"{source}\n"


def test_a_blank_has_the_name_that_stands_in_it() -> None:
    source = "x <node-name> <NODE-NAME> <the pod's name> <path> <critical|warning>"
    assert cell(source).blanks == (
        ("NODE_NAME", "<NODE-NAME>"),
        ("THE_POD_S_NAME", "<the pod's name>"),
        ("THE_PATH", "<path>"),
        ("CRITICAL_WARNING", "<critical|warning>"),
    )


def test_in_a_runbook_of_this_kit_only_bash_knows_what_it_is() -> None:
    assert cell("cat <name>", native=True).blanks == ()


def test_the_screen_shows_what_runs_without_prompts_and_with_its_blanks() -> None:
    shown = list(typed.lines_as_shown(cell("# first\n$ oc get <pod> \\\n    -o yaml\nkind: Pod")))
    assert shown == [
        ("# first", True),
        ("oc get <pod> \\", True),
        ("    -o yaml", True),
        ("kind: Pod", False),
    ]
