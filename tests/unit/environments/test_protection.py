"""The table that says what may be destroyed where, row by row, and that no command passes it by."""

import ast
from pathlib import Path
from types import MappingProxyType
from typing import get_args

import pytest

from slipway.backups.restore import scrub
from slipway.database import identity
from slipway.environments import environment, protection
from slipway.environments.protection import RULES, Deed, Here
from slipway.errors import ConfigError, Refused
from slipway.show import confirm

ROOT = Path(__file__).resolve().parents[3]
LISTED = MappingProxyType({"PRODUCTION_ENVIRONMENTS": "shop-eu, shop-us", "RUNS_ON": "machines"})
MACHINES = MappingProxyType({"RUNS_ON": "machines"})
THIS_COMPUTER = MappingProxyType({"RUNS_ON": "this-computer"})
KINDS = {
    "dev": (Here("dev", THIS_COMPUTER),),
    "testing": (Here("testing", THIS_COMPUTER), Here("testing", MACHINES)),
    "staging": (
        Here("staging", MACHINES),
        Here("preview", MACHINES),
        Here("ci", THIS_COMPUTER),
        Here("dev", MACHINES),
    ),
    "production": (
        Here("prod", MACHINES),
        Here("prod", THIS_COMPUTER),
        Here("production", MACHINES),
        Here("live", MACHINES),
        Here("shop-eu", LISTED),
    ),
}
TABLE = """
deed            dev      testing  staging  production
destroy         prompt   free     prompt   prompt
remove machine  prompt   prompt   prompt   prompt
remove person   prompt   prompt   prompt   prompt
reset           prompt   free     prompt   refused
discard         free     refused  refused  refused
seed            free     free     prompt   refused
restore         free     free     prompt   prompt
undo            free     free     prompt   prompt
import          free     free     free     refused
unscrubbed      refused  refused  refused  free
close           free     free     free     prompt
deploy          free     free     free     prompt
migrate         free     free     prompt   prompt
rollback        free     free     prompt   prompt
prune           free     free     prompt   prompt
write SQL       free     free     free     flag
"""
ROWS = [(line[:16].strip(), line[16:].split()) for line in TABLE.strip().splitlines()[1:]]


@pytest.mark.parametrize(("deed", "verdicts"), ROWS, ids=[deed for deed, _ in ROWS])
def test_a_deed_has_one_verdict_for_each_kind_of_environment(
    deed: Deed, verdicts: list[str]
) -> None:
    for expected, places in zip(verdicts, KINDS.values(), strict=True):
        assert [protection.verdict(env, deed) for env in places] == [expected] * len(places)
    assert protection.verdict(None, deed) == verdicts[0]  # the hacking loop is dev


def test_the_table_has_every_deed() -> None:
    assert [deed for deed, _ in ROWS] == list(RULES) == list(get_args(Deed))


@pytest.mark.parametrize("name", ["prod", "production", "live", "shop-eu"])
def test_production_is_never_reset_or_seeded_and_takes_only_its_own_data(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(protection.SETTING, LISTED[protection.SETTING])
    for deed in ("reset", "seed"):
        with pytest.raises(Refused, match=f"{name} is never {deed}"):
            confirm.by_name(Here(name), deed, "destroy it", yes=name)
    with pytest.raises(Refused, match=f"its own row says {name}"):
        identity.refuse_unless("staging", "staging", name, "reset")
    with pytest.raises(Refused, match=f"{name} takes only its own"):
        scrub.demand({"staging"}, name, "select 1")
    with pytest.raises(Refused, match="the data of production's users"):
        scrub.demand({name}, "staging", "")
    scrub.demand({name}, name, "")


def test_no_setting_takes_prod_out_of_production() -> None:
    assert protection.is_production(Here("prod", {"PRODUCTION_ENVIRONMENTS": "shop-eu"}))


def test_without_a_terminal_the_name_is_needed_exactly() -> None:
    staging = Here("staging", MACHINES)
    confirm.by_name(staging, "prune", "remove old backups", yes="staging")
    for yes in ("", "prod"):
        with pytest.raises(Refused, match="--yes=staging"):
            confirm.by_name(staging, "prune", "remove old backups", yes)
    confirm.by_name(None, "prune", "remove old backups")


@pytest.mark.parametrize(
    ("files", "text"),
    [
        ({"common.env": "prodd"}, "there is no environment prodd .did you mean prod"),
        ({"prod.env": "prod"}, "compose/prod.env: PRODUCTION_ENVIRONMENTS belongs in common.env"),
    ],
)
def test_a_name_that_would_guard_nothing_is_found(
    tmp_path: Path, files: dict[str, str], text: str
) -> None:
    (tmp_path / "settings.yml").write_text(f"PROJECT: {{type: name}}\n{protection.SETTING}: {{}}\n")
    (tmp_path / "common.env").write_text("PROJECT=logbook\n")
    (tmp_path / "prod.env").write_text("")
    for name, value in files.items():
        with (tmp_path / name).open("a") as file:
            file.write(f"{protection.SETTING}={value}\n")
    with pytest.raises(ConfigError, match=text):
        environment.load("prod", tmp_path)


# What a task calls when it destroys, and the deeds that stand for it.
DESTROYING = {
    "client_reset.reset": {"reset"},
    "client_reset.seed": {"seed"},
    "client_restore.restore": {"restore"},
    "client_restore.undo": {"undo"},
    "backup_status.prune": {"prune"},
    "removal.plan": {"destroy"},
    "Removal": {"remove machine"},
    "removal.begin": {"remove person"},
}


def functions() -> list[ast.FunctionDef]:
    trees = [ast.parse(path.read_text()) for path in sorted((ROOT / "tasks").glob("*.py"))]
    return [node for tree in trees for node in tree.body if isinstance(node, ast.FunctionDef)]


def calls(function: ast.FunctionDef) -> list[ast.Call]:
    return [node for node in ast.walk(function) if isinstance(node, ast.Call)]


def deeds(function: ast.FunctionDef) -> set[str]:
    """The deeds for which a task consults the table."""
    found: set[str] = set()
    for call in calls(function):
        if ast.unparse(call.func).startswith(("confirm.by_name", "protection.")):
            found |= {
                node.value
                for argument in call.args[1:2]
                for node in ast.walk(argument)
                if isinstance(node, ast.Constant) and isinstance(node.value, str)
            }
    return found


def test_every_task_that_destroys_consults_the_table() -> None:
    seen: set[str] = set()
    for task in functions():
        for call in calls(task):
            name = ast.unparse(call.func)
            seen.add(name)
            assert DESTROYING.get(name, set()) <= deeds(task), f"{task.name} calls {name}"
    assert seen >= DESTROYING.keys()


def test_every_task_with_yes_asks_by_the_table_and_by_nothing_else() -> None:
    for task in functions():
        flags = {
            argument.arg: ast.unparse(argument.annotation or task)
            for argument in task.args.kwonlyargs
        }
        if flags.get("yes") == "str":
            assert deeds(task) & RULES.keys(), task.name
        names = {node.attr for node in ast.walk(task) if isinstance(node, ast.Attribute)}
        assert "is_throwaway" not in names, task.name
    for path in sorted((ROOT / "slipway").rglob("*.py")):
        if path.name != "protection.py":
            text = path.read_text()
            assert 'name == "prod"' not in text and '("dev", "testing")' not in text, path
