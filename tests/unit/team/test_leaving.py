"""Bob joins, and leaves: with real sops and age, what he kept opens nothing that is set later."""

import base64
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest
import yaml
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from slipway.errors import Refused
from slipway.progress import SILENT
from slipway.secrets import creation
from slipway.team import apply, check, departures, entries, removal
from slipway.team.apply import Applying
from slipway.team.member import Member
from tests.fakes.team_project import SECRETS, SSH, TeamProject
from tests.fakes.vault import needs_age

pytestmark = needs_age
TODAY = date(2026, 11, 30)


@pytest.fixture(scope="module")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of Ada, Bob and a key in a safe, with its team.yml, all committed."""
    root = tmp_path_factory.mktemp("team")
    made = TeamProject(root)
    made.rules({"staging": "ada bob", "prod": "ada bob safe"})
    for env in ("staging", "prod"):
        made.encrypt(env)
    with made.seat("ada") as project:
        project.begin()
    made.commit("Begin")
    return root


@pytest.fixture
def place(begun: Path, tmp_path: Path) -> TeamProject:
    shutil.copytree(begun, tmp_path, dirs_exist_ok=True)
    return TeamProject(tmp_path)


def leave(place: TeamProject, name: str = "bob", *, by: str = "ada") -> None:
    with place.seat(by) as project:
        removal.begin(project, name, TODAY).plan().run(SILENT)


def join(place: TeamProject, member: Member, *, by: str = "ada") -> None:
    with place.seat(by) as project:
        team = project.team()
        after = entries.add(team, member, project.environments)
        Applying(project, team, after).plan("joins").run(SILENT)


def differences(place: TeamProject) -> list[str]:
    found = check.differences(place.project, TODAY)
    return [f"{each.where}: {each.what}" for each in found]


def data_key(place: TeamProject, name: str, env: str) -> bytes:
    """The key of a file's values, as a person's own key gives it away."""
    document = yaml.safe_load(place.file(env).read_text())
    own: bytes = next(
        each["enc"].encode()
        for each in document["sops"]["age"]
        if each["recipient"] == place.recipient(name)
    )
    argv = ["age", "--decrypt", "--identity", str(place.key_of(name))]
    return bytes(subprocess.run(argv, input=own, capture_output=True, check=True).stdout)


def opened(text: str, name: str, key: bytes) -> str:
    """A value decrypted past sops, with a data key that somebody has kept."""
    parts = re.fullmatch(
        r"ENC\[AES256_GCM,data:(.*),iv:(.*),tag:(.*),type:str\]", yaml.safe_load(text)[name]
    )
    assert parts
    data, iv, tag = (base64.b64decode(part) for part in parts.groups())
    return AESGCM(key).decrypt(iv, data + tag, f"{name}:".encode()).decode()


def test_a_project_begins_in_order_and_a_newcomer_reads_what_they_may(place: TeamProject) -> None:
    assert differences(place) == []
    join(place, Member("eve", ("staging",), age=place.recipient("eve"), ssh=(SSH["bob"],)))
    assert place.reads("eve", "staging") and not place.reads("eve", "prod")
    assert place.reads("bob", "staging")
    assert differences(place) == []
    assert "# eve\n" in (place.root / ".sops.yaml").read_text()
    assert f'eve namespaces="git" {SSH["bob"]}' in (place.root / "team.signers").read_text()


def test_neither_key_nor_saved_data_key_of_who_left_reads_what_is_set_afterwards(
    place: TeamProject,
) -> None:
    old = place.file("prod").read_text()
    saved = data_key(place, "bob", "prod")
    assert opened(old, "SESSION_KEY", saved) == SECRETS["SESSION_KEY"]  # the proof can tell

    leave(place)
    place.put("ada", "prod", "SESSION_KEY", "the second")
    new = place.file("prod").read_text()
    assert opened(new, "SESSION_KEY", data_key(place, "ada", "prod")) == "the second"
    assert not place.reads("bob", "prod") and not place.reads("bob", "staging")
    assert place.recipient("bob") not in new
    with pytest.raises(InvalidTag):
        opened(new, "SESSION_KEY", saved)
    with pytest.raises(StopIteration):
        data_key(place, "bob", "prod")
    assert place.reads("ada", "prod") and place.reads("safe", "prod")


def test_new_recipients_alone_would_not_have_been_enough(place: TeamProject) -> None:
    saved = data_key(place, "bob", "prod")
    rules = place.root / ".sops.yaml"
    rules.write_text(re.sub(r".*# bob\n", "", rules.read_text()))
    assert place.sops("ada", "updatekeys", "--yes", "secrets/prod.sops.yaml") == 0
    place.put("ada", "prod", "SESSION_KEY", "the second")
    assert opened(place.file("prod").read_text(), "SESSION_KEY", saved) == "the second"


def test_the_check_is_red_until_every_value_has_another_one(place: TeamProject) -> None:
    leave(place)
    assert [" ".join(each.split()[:4]).rstrip(":") for each in differences(place)] == [
        f"{env}: bob knows {name}" for env in ("staging", "prod") for name in sorted(SECRETS)
    ]
    place.commit("Let bob go")
    place.put("ada", "staging", "SESSION_KEY", "the second")
    place.commit("Another session key")
    join(place, Member("eve", ("staging",), age=place.recipient("eve")))  # other stanzas
    assert place.sops("ada", "rotate", "--in-place", "secrets/staging.sops.yaml") == 0
    place.commit("By hand: every ciphertext is another one")
    for env, name in [("staging", "DATABASE_PASSWORD"), *(("prod", name) for name in SECRETS)]:
        assert any(f"{env}: bob knows {name}" in each for each in differences(place))
        place.put("ada", env, name, "the second")
        place.commit(f"Another {name}")
    assert differences(place) == []
    assert not {*SECRETS.values(), "the second"} & set(
        re.split(r"[\s:,\[\]]+", departures.file_in(place.root).read_text())
    )


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_removal_that_is_killed_before_any_step_is_typed_again_and_ends_well(
    place: TeamProject, step: int
) -> None:
    with place.seat("ada") as project:
        for each in removal.begin(project, "bob", TODAY).plan().steps[:step]:
            each.run()
    assert differences(place) != []
    leave(place)
    assert not place.reads("bob", "prod") and not place.reads("bob", "staging")
    assert len(differences(place)) == 2 * len(SECRETS)
    before = place.file("prod").read_bytes()
    leave(place)  # typed once more: nothing to do
    assert place.file("prod").read_bytes() == before


def test_a_kill_between_the_record_and_the_file_does_not_hide_a_value(place: TeamProject) -> None:
    before = place.file("prod").read_bytes()
    leave(place)
    place.file("prod").write_bytes(before)
    assert any("can read it" in each for each in differences(place))
    leave(place)
    assert len(differences(place)) == 2 * len(SECRETS)
    assert not place.reads("bob", "prod")


def test_who_comes_back_and_leaves_again_has_read_everything_again(place: TeamProject) -> None:
    leave(place)
    for env in ("staging", "prod"):
        for name in SECRETS:
            place.put("ada", env, name, "the second")
    place.commit("All is new")
    join(place, Member("bob", ("prod",), age=place.recipient("bob")))
    place.commit("Bob is back")
    assert differences(place) == []
    leave(place)
    assert len(differences(place)) == len(SECRETS)


def test_an_edit_by_hand_is_followed_and_who_is_gone_is_written_down(place: TeamProject) -> None:
    team = place.root / "team.yml"
    text = team.read_text()
    team.write_text(re.sub(r"  bob:\n(    .*\n)+", "", text))
    assert any("can read it" in each for each in differences(place))
    with place.seat("ada") as project:
        apply.begin(project, TODAY).plan("follow").run(SILENT)
    assert not place.reads("bob", "prod")
    assert len([each for each in differences(place) if "bob knows" in each]) == 2 * len(SECRETS)


def test_nobody_removes_themselves_or_the_key_in_the_safe(place: TeamProject) -> None:
    with place.seat("ada") as project:
        own = [place.recipient("ada")]
        with pytest.raises(Refused, match="you could not read the secrets of"):
            removal.begin(project, "ada", TODAY).applying.demand_safe(own)
    join(place, Member("carol", ("prod",), age=place.recipient("carol")))
    with place.seat("carol") as project:
        leaving = removal.begin(project, "bob", TODAY).applying
        with pytest.raises(
            Refused, match=r"staging.* cannot be read with.*encrypted to ada \(age1"
        ):
            leaving.demand_safe([place.recipient("carol")])


def test_who_is_overdue_and_who_can_read_too_much_is_named(place: TeamProject) -> None:
    join(place, Member("ci", ("prod",), "ci", age=place.recipient("ci"), until=date(2026, 11, 1)))
    (overdue,) = differences(place)
    assert "ci was to be in the team until 2026-11-01" in overdue
    (place.root / "team.signers").write_text("")
    assert any("team.signers: is not as team.yml has it" in each for each in differences(place))


def test_a_key_that_others_can_read_is_not_used(place: TeamProject) -> None:
    place.key_of("ada").chmod(0o644)
    with place.seat("ada") as project, pytest.raises(Refused, match="type: chmod 600 "):
        removal.begin(project, "bob", TODAY).plan().run(SILENT)


def test_a_key_for_a_safe_is_made_where_nobody_else_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "break-glass.txt"
    public = creation.make_key(path)
    assert public.startswith("age1") and path.stat().st_mode & 0o777 == 0o600
    with pytest.raises(Refused, match="is there already"):
        creation.make_key(path)
    with pytest.raises(Refused, match="is in the repository"):
        creation.make_key(Path(__file__).with_name("key.txt"))
    assert list(tmp_path.iterdir()) == [path]


def test_an_environment_that_the_team_does_not_name_is_red_until_somebody_is_let_in(
    place: TeamProject,
) -> None:
    team = place.root / "team.yml"
    team.write_text(team.read_text().replace("staging, prod", "prod"))
    (problem,) = (each for each in differences(place) if each.startswith("team.yml"))
    assert problem == "team.yml: names nobody for staging, whose secrets others can read"
    with place.seat("ada") as project:
        refusal = r"staging any more; let somebody in first: inv team.add --name=NAME --env"
        with pytest.raises(Refused, match=refusal):
            apply.begin(project, TODAY).demand_safe([place.recipient("ada")])
