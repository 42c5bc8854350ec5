"""Variables and parameters: what cells take, and a checked value for each that nobody sets."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import ConfigError, UsageError
from slipway.notebook.checking import variables
from slipway.notebook.commands import Flag
from slipway.notebook.document import Attributes, Cell, Runbook
from slipway.notebook.reading import parse
from slipway.notebook.runs import params
from slipway.notebook.runs.params import Param, settle


class TwoTasks:
    """A tree of commands with `rollback` and `tidy`."""

    def tasks(self) -> Mapping[str, str]:
        return {"rollback": "rollback", "tidy": ""}

    def flags(self, task: str) -> Sequence[Flag]:
        env = Flag("env", "Environment to act on.", choices=("staging", "prod"), is_required=True)
        found = {
            "rollback": [
                *(env, Flag("release", "Number of the release.", kind="number")),
                *(Flag("skip-unreachable", "Go on.", kind="switch"), Flag("path", "Where.")),
            ],
            "tidy": [env, Flag("keep", "How many.", kind="number", is_required=True)],
        }
        return found.get(task, [])

    def complaint(self, words: Sequence[str]) -> str | None:
        return None


def cell(source: str, language: Any = "sh", **attributes: Any) -> Cell:
    return Cell(10, "steps", "x", "X", language, source, Attributes(**attributes))


def runbook(*cells: str, matter: str = "task: rollback") -> Runbook:
    fences = "\n\n".join(f"```sh\n{source}\n```" for source in cells)
    text = f"---\n{matter}\n---\n\n# Go back\n\n## Steps\n\n{fences}\n"
    found, problems = parse.parse(text, Path("runbooks/rollback.md"))
    assert not [each for each in problems if each.severity == "error"]
    return found


def needed(book: Runbook) -> list[Param]:
    return params.needed(book, TwoTasks(), params.used(book))


def taken(*lines: str, language: str = "sh", **attributes: Any) -> list[tuple[str, int]]:
    found = variables.uses(cell("\n".join(lines) + "\n", language, **attributes))
    return [(use.name, use.line - 10) for use in found]


# --- variables ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ('inv deploy --env="$ENV" --release=${RELEASE}', ["ENV", "RELEASE"]),
        ("echo '$NO' \\$NO # $NO", []),
        ('echo "$(inv status --env=$ENV | grep ${WHAT:0:3})"', ["ENV", "WHAT"]),
        ("echo $1 $@ $? $$ ${#LIST[@]} ${!REF}", ["LIST", "REF"]),
        ("cat <<X\n$IN\nX", ["IN"]),
        ("cat <<'X'\n$IN\nX", []),
        ("for i in $ALL; do echo $i; done", ["ALL"]),
        ("for ((i = 0; i < MANY; i++)); do echo $i; done", ["MANY"]),
        ('read -r A B <<< "$LINE"; echo $A $B', ["LINE"]),
        ("while IFS=, read -ra PARTS; do echo ${PARTS[0]}; done", []),
        ("OLD=$OLD; echo $OLD", ["OLD"]),
        ("GREETING=hi printenv; echo $GREETING", ["GREETING"]),
        ("say() { local a=$1; echo $a $LATE $B; }; LATE=1; say", ["B"]),
        ("export A=1; declare -r B=2; printf -v C %s x; mapfile -t D < f; echo $A $B $C $D", []),
        ("[[ $A == b && -n $C ]] && (( total += each ))", ["A", "C", "each", "total"]),
        ("if [ ; echo $STILL", ["STILL"]),
    ],
)
def test_a_shell_cell_takes_what_it_has_not_set_itself(line: str, names: list[str]) -> None:
    assert sorted(dict.fromkeys(name for name, _ in taken(line))) == names


def test_each_use_has_the_line_of_the_runbook_and_knows_of_its_default() -> None:
    found = variables.uses(cell("echo größe $A\necho ${B:-x} ${C-} ${D:?say}\n"))
    told = [(use.name, use.line, use.has_default) for use in found]
    assert told == [("A", 11, False), ("B", 12, True), ("C", 12, True), ("D", 12, False)]


def test_what_stands_only_where_there_is_a_value_needs_none() -> None:
    found = variables.uses(cell('go ${A:+--a="$A"} ${A:+"$B"}'))
    assert {(use.name, use.has_default) for use in found} == {("A", True), ("B", False)}


def test_attributes_take_variables_too() -> None:
    assert taken("true", when='test -n "$WHEN"', confirm="Deploy $TAG to ${ENV} for $5?") == [
        *(("ENV", 0), ("TAG", 0), ("WHEN", 0)),
    ]


def test_a_python_cell_takes_and_sets_through_the_environment() -> None:
    lines = [
        "import os",
        "from os import environ",
        'print(os.environ["A"], environ["B"], f"{os.environ[\'C\']}")',
        'os.environ["A"] = os.environ["D"]',
        'print(os.environ["A"], os.getenv("E"), os.environ.get("F", ""))',
        'os.environ.update(G="1", **{}); os.environ.update({"H": "2"})',
        "name = 'X'; os.environ[name]",
    ]
    assert [name for name, _ in taken(*lines, language="python")] == list("ABCDEF")
    found = cell("\n".join(lines), "python", capture="OUT")
    assert variables.sets(found) == {"A", "G", "H", "OUT"}
    assert variables.uses(cell("def (", "python")) == []


def test_what_a_cell_sets_is_known_to_the_cells_after_it() -> None:
    source = "A=1\nread -p 'Which one? ' B\nexport C\nlist[1]=x\n: ${D:=1}\nlet E=1\nf() { F=1; }\n"
    assert variables.sets(cell(source, capture="G")) == {*"ABCDEFG", "list"}
    book = runbook("OLD=$(inv status)\n", "inv rollback --env=$ENV --release=$OLD\n")
    assert params.used(book) == {"ENV"}


# --- which parameters ----------------------------------------------------------------------------


def test_parameters_are_the_flags_of_the_linked_tasks_that_cells_use() -> None:
    book = runbook(
        "inv rollback --release=$RELEASE --env=$ENV ${SKIP_UNREACHABLE:+--skip-unreachable}",
        "echo $HOME $PATH",
    )
    found = needed(book)
    assert [(each.name, each.kind, each.optional) for each in found] == [
        ("ENV", "text", False),
        ("RELEASE", "number", False),
        ("SKIP_UNREACHABLE", "switch", True),
    ]
    assert found[0].choices == ("staging", "prod")
    assert needed(runbook("echo none")) == []


def test_a_flag_with_a_default_is_optional_where_every_cell_can_do_without() -> None:
    book = runbook("inv rollback --env=$ENV --release=$RELEASE")
    assert [each.optional for each in needed(book)] == [False, False]
    for words in ('--release="${RELEASE:-0}"', "${RELEASE:+--release=$RELEASE}"):
        book = runbook(f"inv rollback --env=$ENV {words}")
        assert settle(needed(book), {"ENV": "prod"}) == {"ENV": "prod", "RELEASE": ""}


def test_front_matter_narrows_parameters_and_adds_more() -> None:
    book = runbook(
        "inv rollback --env=$ENV; echo $TICKET ${NOTE}",
        matter="task: [rollback, tidy]\nparams:\n"
        "  ENV: {choices: [staging]}\n"
        "  TICKET: {help: The ticket., pattern: '[A-Z]+-[0-9]+'}\n"
        "  NOTE: {optional: true}\n",
    )
    env, ticket, note = needed(book)
    assert (env.choices, ticket.pattern, note.optional) == (("staging",), "[A-Z]+-[0-9]+", True)
    assert settle([ticket, note], {"TICKET": "OPS-1"}) == {"TICKET": "OPS-1", "NOTE": ""}
    with pytest.raises(UsageError, match=r"ticket: 'ops-1' does not fit"):
        settle([ticket, note], {"TICKET": "ops-1"})


def test_no_parameter_can_take_the_place_of_what_the_shell_needs() -> None:
    assert needed(runbook("ls $PATH")) == []
    book = runbook("ls $BASH_ENV", matter="params:\n  BASH_ENV: {help: x}")
    with pytest.raises(ConfigError, match=r"rollback\.md: params: BASH_ENV is a name that the"):
        needed(book)


# --- their values --------------------------------------------------------------------------------

ENV = Param("ENV", "Environment to act on.", ("staging", "prod"))
RELEASE = Param("RELEASE", "Number of the release.", kind="number")
SKIP = Param("SKIP_UNREACHABLE", kind="switch", optional=True)
TEXT = Param("NOTE", default="none")


def asked(*answers: str) -> tuple[Callable[[Param], str], list[str]]:
    """Return somebody who answers, and what they were asked for."""
    left, names = list(answers), list[str]()

    def ask(param: Param) -> str:
        names.append(param.name)
        return left.pop(0)

    return ask, names


def test_set_is_read_in_either_spelling() -> None:
    found = params.parse_set(["skip-unreachable=yes", "NOTE=a=b c", "some_thing="])
    assert found == {"SKIP_UNREACHABLE": "yes", "NOTE": "a=b c", "SOME_THING": ""}
    for wrong in (["release"], ["=3"], ["re lease=3"], ["a=1", "A=2"]):
        with pytest.raises(UsageError, match="--set"):
            params.parse_set(wrong)


def test_what_is_missing_is_asked_for_where_somebody_is() -> None:
    ask, names = asked("staging", "7")
    found = settle([ENV, RELEASE, SKIP, TEXT], {}, ask)
    assert found == {"ENV": "staging", "RELEASE": "7", "SKIP_UNREACHABLE": "", "NOTE": "none"}
    assert names == ["ENV", "RELEASE"]


def test_where_nobody_is_the_whole_command_line_is_told() -> None:
    with pytest.raises(UsageError) as told:
        settle([ENV, RELEASE, TEXT], {"NOTE": "it's"}, None, "inv runbook.run --name=rollback")
    assert str(told.value) == (
        "env is missing: Environment to act on (one of: staging, prod); "
        "release is missing: Number of the release (a number). Type: "
        """inv runbook.run --name=rollback --env=… --set release=… --set 'note=it'"'"'s'"""
    )
    with pytest.raises(UsageError, match=r"--name=a --env=prod --set release=…"):
        settle([RELEASE], {"ENV": "prod"}, None, "inv runbook.run --name=a")


@pytest.mark.parametrize(
    ("param", "value", "told"),
    [
        (ENV, "prd", r"'prd' is none of staging, prod \(did you mean \"prod\"\?\)"),
        (ENV, "", "a value is required"),
        (RELEASE, "3; rm -rf /", "is not a whole number"),
        (RELEASE, "٣", "is not a whole number"),
        (SKIP, "maybe", "is neither yes nor no"),
        (TEXT, "a\nb", "holds a line break"),
        (TEXT, "a\x1b[2J", "cannot be seen"),
        (TEXT, "a\0b", "NUL"),
        (Param("P", pattern=r"(?s).*"), "a\0b", "NUL"),
    ],
)
def test_a_wrong_value_is_refused_with_what_would_be_right(
    param: Param, value: str, told: str
) -> None:
    with pytest.raises(UsageError, match=told):
        settle([param], {param.name: value})


@pytest.mark.parametrize(
    ("param", "value", "settled"),
    [
        (TEXT, '"; rm -rf / $(x) `y` -n ü=', '"; rm -rf / $(x) `y` -n ü='),
        (Param("P", pattern=r"(?s).*"), "two\nlines", "two\nlines"),
        (RELEASE, "-3", "-3"),
        *((SKIP, word, "yes") for word in ("yes", "TRUE", "on", "1")),
        *((SKIP, word, "") for word in ("no", "false", "off", "0", "")),
    ],
)
def test_a_right_value_arrives_as_it_is(param: Param, value: str, settled: str) -> None:
    assert params.complaint(param, value) == ""
    assert settle([param], {param.name: value}) == {param.name: settled}


def test_a_parameter_that_no_cell_uses_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"parameter 'relase' \(did you mean \"release\"\?\)"):
        settle([ENV, RELEASE], {"ENV": "prod", "RELASE": "3"})
    assert settle([], {"ENV": "prod"}) == {}
