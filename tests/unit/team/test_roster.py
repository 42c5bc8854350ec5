"""team.yml is read strictly, and follows what is typed with everybody's comments kept."""

from datetime import date

import pytest

from slipway.errors import ConfigError, Refused, UsageError
from slipway.team import entries, member, roster, roster_text
from slipway.team.departures import Departure
from slipway.team.member import Member, Team
from tests.fakes.team_project import SSH

ENVIRONMENTS = ["dev", "testing", "staging", "prod"]
ADA = "age1uwdsjzyyrwq9llw3utyujknkccwy2y6d7mtttcn82syw2et24amsvz96uj"
BOB = "age1nzmr40wzffj4r28nm5wxzhlp9mrzf5msl37wmdw0jl3rhwscqymsqnh534"
SAFE = "age1f752ewdsnt7t3ep6vfatvasu837c5p0q4s7s24dfrjvffvspxq2sjkv9w7"
YUBIKEY = "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"
PRIVATE = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQQ"
TEXT = f"""\
# our team
members:
  ada: # began it
    environments: [staging, prod]
    age: {ADA}
    ssh:
      - {SSH["ada"]} ada@laptop
  ci-prod:
    role: ci
    environments: [prod]
    age: {BOB}
    until: 2027-06-30
"""


def read(text: str) -> Team:
    return roster.parse(text, ENVIRONMENTS)


def entry(**fields: str) -> str:
    defaults = {"environments": "[prod]", "age": ADA}
    lines = [f"    {key}: {value}\n" for key, value in (defaults | fields).items() if value]
    return "members:\n  ada:\n" + "".join(lines)


def test_a_team_is_people_ci_and_spare_keys() -> None:
    ada, ci = read(TEXT).members
    assert (ada.name, ada.role, ada.environments) == ("ada", "operator", ("staging", "prod"))
    assert ada.enters("prod") and ada.reads("staging") and not ada.reads("testing")
    assert ci.until == date(2027, 6, 30) and not ci.enters("prod")
    assert ci.has_expired(date(2027, 7, 1)) and not ci.has_expired(date(2027, 6, 30))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (entry(age=PRIVATE), "line 4: a private key stands there"),
        (entry(age="-----BEGIN OPENSSH PRIVATE KEY-----"), "line 4: a private key stands there"),
        (entry(age="age1sh"), "line 4: 'ada': age: is no public age key"),
        (entry(age=ADA.replace("wds", "wdd")), "line 4: 'ada': age: is no age key: its checksum"),
        (entry(age="sk-ssh-ed25519@openssh.com AAAA"), "age encrypts to ssh-ed25519 and ssh-rsa"),
        (entry(ssh="ssh-ed25519 AAAA"), "line 5: 'ada': ssh: is no ssh-ed25519 key: it is damaged"),
        (entry(ssh="command=x ssh-rsa AAAA"), "line 5: 'ada': ssh: is no public SSH key"),
        (entry(environments="[prd]"), "line 3: 'ada': there is no environment 'prd' (did you mean"),
        (entry(environments="[dev]"), "line 3: 'ada': dev is open to everybody"),
        (entry(environments="[]"), "line 3: 'ada': environments must be a list"),
        (entry(until="soon"), "line 5: 'ada': until must be a day"),
        (
            entry(role="boss"),
            "line 5: 'ada': role must be one of operator, reader, ci, break-glass",
        ),
        (entry(rool="ci"), "line 5: 'ada': unknown word 'rool' (did you mean role?)"),
        (entry(age=""), "line 2: 'ada': has neither an age key nor an SSH key"),
        ("members:\n  Ada: {environments: [prod], age: x}\n", "line 2: 'Ada': a name is small"),
        (f"{entry()}  eve:\n    environments: [prod]\n    age: {ADA}\n", "the same key as ada"),
        (f"{entry()}  ada: {{}}\n", "line 5: ada is there twice"),
        ("people: {}\n", "must have one key, members"),
        ("members: [ada]\n", "line 1: members must map names"),
    ],
)
def test_what_is_wrong_is_a_sentence_with_its_line_and_never_a_private_key(
    text: str, complaint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        read(text)
    assert complaint in str(caught.value)
    assert PRIVATE not in str(caught.value)


@pytest.mark.parametrize("age", [YUBIKEY, SSH["ada"], f"{SSH['ada']} ada@laptop"])
def test_keys_in_hardware_and_of_ssh_are_recipients_too(age: str) -> None:
    (ada,) = read(entry(age=age)).members
    assert ada.age == age


def test_a_key_of_ssh_in_hardware_opens_machines() -> None:
    blob = "AAAAGnNrLXNzaC1lZDI1NTE5QG9wZW5zc2guY29tAAAAIGNvbXBsZXRlbHktbWFkZS11cC1rZXktMDEyMzQ="
    (ada,) = read(entry(ssh=f"sk-ssh-ed25519@openssh.com {blob} ada")).members
    assert ada.enters("prod")


def test_an_entry_comes_and_goes_and_nothing_else_changes() -> None:
    team = read(TEXT)
    bob = Member("bob", ("staging",), age=SAFE, ssh=(SSH["bob"],))
    with_bob = roster_text.changed(TEXT, team.with_member(bob))
    assert read(with_bob).find("bob") == bob
    assert roster_text.changed(with_bob, team) == TEXT
    assert read(roster_text.changed("", team)) == team
    assert read(roster_text.changed("# nobody yet\n", team)) == team


def test_what_is_typed_adds_to_an_entry_and_replaces_no_key() -> None:
    team = read(TEXT)
    after = entries.add(team, Member("ci-prod", ("staging",)), ENVIRONMENTS)
    ci = after.find("ci-prod")
    assert ci and ci.environments == ("prod", "staging") and ci.age == BOB
    with pytest.raises(Refused, match=r"the old one has to leave first: inv team\.remove"):
        entries.add(team, Member("ci-prod", ("prod",), age=ADA), ENVIRONMENTS)
    with pytest.raises(UsageError, match=r"'eve': there is no environment 'prd'"):
        entries.add(team, Member("eve", ("prd",), age=SAFE), ENVIRONMENTS)
    with pytest.raises(Refused, match="private key") as caught:
        entries.demand_public([PRIVATE])
    assert PRIVATE not in str(caught.value)


def team_of(**members: str) -> Team:
    keys = {"ada": ADA, "bob": BOB, "safe": SAFE}
    roles = {"safe": member.BREAK_GLASS}
    return Team(
        tuple(
            Member(name, tuple(envs.split()), roles.get(name, member.OPERATOR), keys[name])
            for name, envs in members.items()
        )
    )


@pytest.mark.parametrize(
    ("before", "after", "complaint"),
    [
        (team_of(ada="prod"), team_of(), "nobody could read the secrets of prod"),
        (team_of(ada="prod", bob="prod"), team_of(bob="prod"), "you could not read"),
        (team_of(ada="prod", bob="prod"), team_of(ada="prod"), "ada alone could read"),
        (
            team_of(ada="prod", bob="prod", safe="prod"),
            team_of(ada="prod", bob="prod"),
            "no break-glass key could read",
        ),
    ],
)
def test_nobody_locks_out_themselves_everybody_or_the_key_in_the_safe(
    before: Team, after: Team, complaint: str
) -> None:
    with pytest.raises(Refused, match=complaint):
        member.demand_safe(before, after, ["prod"], [ADA])


def test_a_team_that_grows_is_refused_nothing_and_is_told_what_it_lacks() -> None:
    member.demand_safe(team_of(), team_of(ada="prod"), ["prod"], [ADA])
    member.demand_safe(team_of(ada="staging", bob="staging"), team_of(ada="staging"), [], [ADA])
    (alone,) = member.complaints(team_of(ada="prod"), ["prod"])
    assert "prod can be read by ada alone" in alone
    (spare,) = member.complaints(team_of(ada="prod", bob="prod", safe="staging"), ["prod"])
    assert "no break-glass key reads prod" in spare


def test_a_role_is_kept_and_never_silently_another_one() -> None:
    ada = Member("ada", ("prod",), "reader", age=ADA)
    assert entries.parse_role("", ada) == "reader" == entries.parse_role("reader", ada)
    assert entries.parse_role("", None) == "operator" and entries.parse_role("ci", None) == "ci"
    with pytest.raises(Refused, match=r"ada is reader already; .* `role: ci`"):
        entries.parse_role("ci", ada)
    with pytest.raises(UsageError, match="must be one of operator, reader"):
        entries.parse_role("boss", None)


def test_a_last_day_is_not_over_yet_and_whoever_comes_is_let_in_somewhere() -> None:
    today = date(2026, 11, 30)
    assert entries.parse_until("2026-11-30", today) == today
    with pytest.raises(UsageError, match="--until=2026-11-29 is over"):
        entries.parse_until("2026-11-29", today)
    with pytest.raises(UsageError, match="--environments is required"):
        entries.add(Team(()), Member("ada", (), age=ADA), ENVIRONMENTS)


@pytest.mark.parametrize(
    "member", [Member("bob", (), age=BOB), Member("eve", (), ssh=(SSH["bob"] + " x",))]
)
def test_a_key_that_has_left_comes_in_under_no_name(member: Member) -> None:
    gone = {"bob": Departure("bob", date(2026, 11, 1), BOB, (SSH["bob"],))}
    with pytest.raises(Refused, match="bob left with this key on 2026-11-01"):
        entries.demand_new_keys(member, Team(()), gone)
    entries.demand_new_keys(Member("bob", (), age=ADA), Team(()), gone)
    staying = Member("bob", ("staging",), age=BOB, ssh=(SSH["bob"],))
    entries.demand_new_keys(staying, Team((staying,)), gone)
