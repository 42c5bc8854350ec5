""".sops.yaml follows team.yml, and everything else in it stays as somebody wrote it."""

from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.project import ROOT
from slipway.team import creation_rules, signers, start
from slipway.team.member import Member, Team
from tests.fakes.team_project import SSH, TeamProject
from tests.fakes.vault import needs_age

ADA = "age1uwdsjzyyrwq9llw3utyujknkccwy2y6d7mtttcn82syw2et24amsvz96uj"
BOB = "age1nzmr40wzffj4r28nm5wxzhlp9mrzf5msl37wmdw0jl3rhwscqymsqnh534"
TEAM = Team(
    (
        Member("ada", ("staging", "prod"), age=ADA, ssh=(f"{SSH['ada']} ada@x",)),
        Member("bob", ("prod",), age=f"{SSH['bob']} bob@laptop"),
    )
)
PROD = rf"""  - path_regex: ^secrets/prod\.sops\.yaml$
    unencrypted_suffix: __never__
    age:
      - {ADA} # ada
      - {SSH["bob"]} # bob
"""
STAGING = rf"""  - path_regex: ^secrets/staging\.sops\.yaml$
    unencrypted_suffix: __never__
    age:
      - {ADA} # ada
"""
ALL = f"  - path_regex: ^secrets/\n    age: {BOB}\n"
TAIL = "# how they are written\nstores:\n  yaml:\n    indent: 2\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", f"creation_rules:\n{STAGING}{PROD}"),
        ("# none\n", f"# none\ncreation_rules:\n{STAGING}{PROD}"),
        (
            f"creation_rules:\n{STAGING.replace(ADA, BOB)}{PROD}{TAIL}",
            f"creation_rules:\n{STAGING}{PROD}{TAIL}",
        ),
        (
            f"creation_rules:\n  # all\n{ALL}{TAIL}",
            f"creation_rules:\n  # all\n{PROD}{STAGING}{ALL}{TAIL}",
        ),
    ],
    ids=["nothing", "comments", "others", "a rule for all"],
)
def test_rules_name_the_team_and_the_rest_stays(before: str, after: str) -> None:
    text = creation_rules.generated(before, TEAM)
    assert creation_rules.generated(text, TEAM) == text
    read = creation_rules.readers_named
    assert list(read(text, "prod")) == [ADA, SSH["bob"]]
    assert list(read(text, "staging")) == [ADA]
    assert sorted(text.splitlines()) == sorted(after.splitlines())


def test_the_kits_own_file_keeps_its_comments_and_rules() -> None:
    before = (ROOT / ".sops.yaml").read_text()
    assert creation_rules.generated(before, TEAM) == before + STAGING + PROD


def test_rules_in_one_line_are_left_to_their_writer() -> None:
    text = rf"creation_rules: [{{path_regex: '^secrets/x\.sops\.yaml$', age: {BOB}}}]"
    with pytest.raises(ConfigError, match="write each one below the other"):
        creation_rules.generated(text, TEAM)


def test_a_rule_with_keys_of_another_kind_is_left_to_its_writer() -> None:
    text = rf"""creation_rules:
  - path_regex: ^secrets/prod\.sops\.yaml$
    pgp: 1234
    age: {BOB}
"""
    with pytest.raises(ConfigError, match=r"rule 1 has pgp, which team\.yml knows nothing of"):
        creation_rules.generated(text, TEAM)


def test_the_signers_are_those_with_an_ssh_key() -> None:
    assert signers.generated(TEAM).splitlines()[2:] == [f'ada namespaces="git" {SSH["ada"]}']


@needs_age
def test_a_project_begins_with_those_whom_its_rules_name(tmp_path: Path) -> None:
    place = TeamProject(tmp_path)
    place.rules({"staging": "ada bob", "prod": "ada safe"})
    before = (place.root / ".sops.yaml").read_text()
    team = start.from_rules(before, ["dev", "testing", "staging", "prod"])
    assert [(each.name, each.environments) for each in team.members] == [
        ("ada", ("staging", "prod")),
        ("bob", ("staging",)),
        ("safe", ("prod",)),
    ]
    assert creation_rules.generated(before, team) == before


def test_who_stands_nowhere_by_name_gets_a_number() -> None:
    text = f"creation_rules:\n  - path_regex: ^secrets/\n    age: '{ADA},{BOB}'\n"
    team = start.from_rules(text, ["prod"])
    assert [each.name for each in team.members] == ["person-1", "person-2"]
    assert start.from_rules(text, ["prod"], [ADA]).members[0].age == BOB
