"""Settings: what is wrong is refused with file and key, and nothing is ever a silent default."""

import shutil
from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from slipway.environments import envfile, environment, setting_rules
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, UsageError
from slipway.project import COMPOSE


class Project:
    """A copy of the project's own settings to break."""

    def __init__(self, root: Path) -> None:
        self.compose = root / "compose"
        self.compose.mkdir()
        for path in (*COMPOSE.glob("[!.]*.env"), COMPOSE / "settings.yml"):
            shutil.copy(path, self.compose)

    def add(self, name: str, text: str) -> None:
        path = self.compose / name
        path.write_text(f"{path.read_text() if path.exists() else ''}\n{text}\n")

    def load(self, name: str) -> Environment:
        return environment.load(name, self.compose, self.compose.parent / "secrets")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


@pytest.mark.parametrize("name", ["dev", "testing", "staging", "prod"])
def test_every_environment_of_the_project_loads(name: str) -> None:
    loaded = environment.load(name)
    assert loaded.prefix == f"{loaded.project}-{name}"
    assert loaded.is_local == (name in ("dev", "testing"))


def test_the_environments_own_file_wins_over_common_and_both_over_the_default(
    project: Project,
) -> None:
    assert project.load("prod").number("KEEP_RELEASES") == 5
    project.add("common.env", "KEEP_RELEASES=7")
    assert project.load("prod").number("KEEP_RELEASES") == 7
    project.add("prod.env", "KEEP_RELEASES=9")
    assert project.load("prod").number("KEEP_RELEASES") == 9
    assert project.load("staging").number("KEEP_RELEASES") == 7


def test_a_loaded_environment_cannot_be_changed(project: Project) -> None:
    loaded = project.load("dev")
    with pytest.raises(TypeError):
        loaded.settings["LAB"] = "off"  # type: ignore[index]
    with pytest.raises(AttributeError):
        loaded.name = "prod"  # type: ignore[misc]


def test_environments_are_the_env_files_and_nothing_else(project: Project) -> None:
    project.add(".env", "X=1")
    project.add("demo.env", "HTTP_PORT=8090")
    assert environment.names(project.compose) == ["dev", "testing", "staging", "prod", "demo"]


@pytest.mark.parametrize("name", ["Prod", "prdo", "pro"])
def test_a_mistyped_name_is_met_with_the_likely_one(name: str) -> None:
    with pytest.raises(UsageError, match=r"did you mean prod\?"):
        environment.load(name)


@given(st.text(max_size=20))
@settings(max_examples=50)
def test_no_name_reaches_outside_the_folder(name: str) -> None:
    if name not in environment.names():
        with pytest.raises(UsageError):
            environment.load(name)


@pytest.mark.parametrize(
    ("name", "line", "complaint"),
    [
        ("prod.env", "HTTP_PROT=80", r"compose/prod.env: HTTP_PROT is not in .*HTTP_PORT\?"),
        (
            "prod.env",
            "HTTP_PORT2=80",
            "compose/prod.env: HTTP_PORT2 is not in compose/settings.yml",
        ),
        ("common.env", "HTTP_PORT=70000", "compose/common.env: HTTP_PORT must be a port"),
        ("prod.env", "LAB=yes", "compose/prod.env: LAB must be on or off"),
        ("prod.env", "TLS=on", "compose/prod.env: TLS must be one of off, internal, auto"),
        ("prod.env", "BACKUP_STORE=s3:/b/x", "compose/prod.env: BACKUP_STORE must be s3://bucket"),
        ("prod.env", "BACKUP_STORE=S3://b/x", "compose/prod.env: BACKUP_STORE must be s3://bucket"),
        ("prod.env", "BACKUP_STORE=s3//b/x", "compose/prod.env: BACKUP_STORE must be s3://bucket"),
        (
            "prod.env",
            "BACKUP_STORE=S3/b/x",
            r"s3://bucket/path, .* \(for a folder of that name \./s3/",
        ),
        ("prod.env", "BACKUP_STORE='s3 ://b/x'", "BACKUP_STORE must be s3://bucket"),
        ("prod.env", "BACKUP_STORE=gs//b/x", "BACKUP_STORE must be s3://bucket"),
        ("prod.env", "BACKUP_STORE=s3://B_b/x", "BACKUP_STORE must be s3://bucket/path, with the"),
        (
            "prod.env",
            "BACKUP_STORE=file:/b/x",
            "compose/prod.env: BACKUP_STORE must be s3://bucket",
        ),
        ("prod.env", "SESSION_DAYS=9999999999", "SESSION_DAYS must be a whole number"),
        ("prod.env", "SESSION_DAYS=٣", "SESSION_DAYS must be a whole number"),
        ("prod.env", "SESSION_DAYS=-1", "compose/prod.env: SESSION_DAYS must be a whole number"),
        ("prod.env", "SESSION_KEY=s", "SESSION_KEY is a secret; it belongs in secrets/prod.sops"),
        ("common.env", "SESSION_KEY=s", "it belongs in secrets/<environment>.sops.yaml"),
        ("prod.env", "HTTP_PORT=81", r"compose/prod.env:\d+: HTTP_PORT was already set in line 2"),
        ("prod.env", "LAB", r"compose/prod.env:\d+: expected KEY=value"),
        (
            "prod.env",
            "DOMAIN=a$b",
            r"compose/prod.env:\d+: DOMAIN: Compose would fill in .* single quot",
        ),
        ("prod.env", 'DOMAIN="a$b"', r"DOMAIN: Compose would fill in .* single quot"),
        (
            "prod.env",
            r"DOMAIN='a\\b'",
            r"DOMAIN: Compose reads a backslash in quotes in another way",
        ),
        ("prod.env", "DOMAIN= # any", r"DOMAIN: a comment needs a line of its own"),
        ("prod.env", "DOMAIN=a.de\t# ours", r"DOMAIN: a comment needs a line of its own"),
        ("prod.env", "DOMAIN=\u2028a.de", r"DOMAIN: Compose keeps the U\+2028 around the value"),
        ("prod.env", "DOMAIN=a.de\x1c # ours", r"DOMAIN: Compose keeps the U\+001C around"),
        ("prod.env", "DOMAIN='a.de'\x1c# ours", r"DOMAIN: Compose keeps the U\+001C around"),
        ("prod.env", "DOMAIN=\u3000'a.de'", r"DOMAIN: Compose keeps the U\+3000 around"),
        ("prod.env", "DOMAIN=a.de\rLAB=on", r"prod.env:\d+: a carriage return without a line feed"),
        ("prod.env", "DOMAIN='a.de'\rLAB=on", r"prod.env:\d+: a carriage return without a line"),
        ("prod.env", "# one\rLAB=on", r"prod.env:\d+: a carriage return without a line feed"),
        (
            "prod.env",
            r'DATABASE_USER="a\0651"',
            r"DATABASE_USER: Compose takes .0 in double quotes",
        ),
        ("prod.env", "DATABASE_HOST=", "compose/prod.env: DATABASE_HOST is missing. Host of the"),
        ("prod.env", "DOMAIN=https://shop.de", "'https://shop.de' is no domain .*write shop.de$"),
        ("prod.env", "DOMAIN=a.com b.com", "'a.com b.com' is no domain name; write a.com,b.com$"),
        (
            "prod.env",
            "DOMAIN=b.com, a.com:81",
            r"'a.com:81' is no .*; write a.com \(ports are HTTP",
        ),
        ("prod.env", "DOMAIN=a.com/shop", "write a.com$"),
        ("prod.env", "DOMAIN=büro.de", "write xn--bro-hoa.de$"),
        ("prod.env", "DOMAIN=a!b.com", "'a!b.com' is no domain name; write "),
    ],
)
def test_a_wrong_setting_is_refused_with_file_and_key(
    project: Project, name: str, line: str, complaint: str
) -> None:
    project.add(name, line)
    with pytest.raises(ConfigError, match=complaint):
        project.load("prod")


@pytest.mark.parametrize(
    "value", ["", "shop.de", "shop.de, www.shop.de", "*.shop.de,localhost,my_app"]
)
def test_names_for_the_edge_are_taken_as_they_are(project: Project, value: str) -> None:
    project.add("prod.env", f"DOMAIN='{value}'")
    assert project.load("prod").settings["DOMAIN"] == value


@pytest.mark.parametrize(
    "place", ["", "backups", "s3", "./s3/x", "/srv//x", "a b/c", "file:///x//y"]
)
def test_a_folder_for_backups_is_no_misspelt_store(project: Project, place: str) -> None:
    project.add("prod.env", f"BACKUP_STORE='{place}'")
    assert project.load("prod").settings["BACKUP_STORE"] == place


def test_numbers_that_are_read_as_they_are_written_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "settings.yml"
    path.write_text('A: {default: 10}\nB: {default: "010"}\nC: {default: -1.5}\nD: {default: 0}\n')
    rules = setting_rules.read(path)
    assert [rule.default for rule in rules.values()] == ["10", "010", "-1.5", "0"]


def test_two_environments_do_not_share_a_database(project: Project) -> None:
    for name in ("staging", "prod"):
        project.add(f"{name}.env", "DATABASE_HOST=db.example.com")
    with pytest.raises(ConfigError, match=r"staging.env: DATABASE_HOST .* those of prod"):
        project.load("staging")
    assert project.load("dev").settings["DATABASE_HOST"] == "db"
    project.add("prod.env", "DATABASE_NAME=shop_prod")
    assert project.load("prod").settings["DATABASE_HOST"] == "db.example.com"


def test_a_refused_secret_is_not_repeated(project: Project) -> None:
    project.add("prod.env", "SESSION_KEY=hunter2")
    with pytest.raises(ConfigError) as caught:
        project.load("prod")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ("KEY: {typ: text}", r"KEY: unknown word typ \(did you mean type\?\)"),
        ("KEY: {type: prot}", r"KEY: unknown type prot \(did you mean port\?\)"),
        (
            "KEY: {type: switch, default: on}",
            "KEY: default is true to YAML, .*; write it in quotes",
        ),
        ("KEY: {type: text, default: no}", "KEY: default is false to YAML, .*; write it in quotes"),
        ("KEY: {type: number, default: 010}", 'line 1: 010 is 8 to YAML; write 8, or "010" in'),
        ("KEY: {default: 12:30}", 'line 1: 12:30 is 750 to YAML; write 750, or "12:30" in'),
        ("A: {}\nKEY: {type: [1.10, 1.9]}", 'line 2: 1.10 is 1.1 to YAML; write 1.1, or "1.10" in'),
        ("KEY: {type: [off, on]}", "KEY: type holds False; write on and off in quotes"),
        ("KEY: {type: port, default: 0}", "KEY: default must be a port"),
        ("KEY: {required: prod}", "KEY: required must be true, or a list"),
        ("KEY: {required: 3}", "KEY: required must be true, or a list"),
        ("KEY: {required: [3, [x]]}", "KEY: required must be true, or a list"),
        ("KEY: {secret: true, generate: long}", "KEY: generate must be a number"),
        ("KEY: {secret: true, generate: true}", "KEY: generate must be a number"),
        ("KEY: {secret: true, generate: 0}", "KEY: generate must be 1 to 4096 bytes"),
        ("KEY: {generate: 32}", "KEY: only a secret can have generate"),
        ('KEY: {secret: "false"}', "KEY: secret must be true or false"),
        ("KEY: {secret: true, default: x}", "KEY: a secret has no default"),
        ("KEY: {secret: true, composed: x}", "KEY: composed is for a secret .* names others"),
        ('KEY: {composed: "{A}"}', "KEY: composed is for a secret without generate"),
        ("KEY: {default: [a]}", "KEY: default must be one value"),
        ("KEY: {help: [a]}", "KEY: help must be a text"),
        ("KEY: {type: {a: b}}", "KEY: type must be a type, or a list of words"),
        ("KEY: {type: []}", "KEY: type must list two words or more"),
        ("KEY: {type: [a, a]}", "KEY: type must list two words or more, each once"),
        ("KEY: {type: [a, [b]]}", "KEY: type must be a list of words"),
        ("KEY: {type: text}\nKEY: {type: port}", "is not YAML: line 2: KEY is there twice"),
        ("KEY: {default: 2026-13-45}", "is not YAML: month must be in 1..12"),
        ("key: {type: text}", "key must be capital letters"),
        ("KEY: text", "KEY must be a mapping"),
        ("- KEY", "must map names to rules"),
        ("KEY: {", "is not YAML"),
    ],
)
def test_a_wrong_rule_is_refused(tmp_path: Path, rule: str, complaint: str) -> None:
    path = tmp_path / "settings.yml"
    path.write_text(rule)
    with pytest.raises(
        ConfigError, match=rf"settings\.yml:? .*{complaint}|settings\.yml {complaint}"
    ):
        setting_rules.read(path)


def test_what_only_an_environment_requires_that_there_is_not_is_refused(project: Project) -> None:
    with (project.compose / "settings.yml").open("a") as file:
        file.write("OURS: {required: [prd]}\n")
    sentence = r"settings\.yml: OURS: required: there is no environment prd \(did you mean prod\?"
    with pytest.raises(ConfigError, match=sentence):
        project.load("dev")


def test_a_secret_that_is_composed_of_what_there_is_not_is_refused(project: Project) -> None:
    with (project.compose / "settings.yml").open("a") as file:
        file.write('URL: {secret: true, composed: "a://{DATABASE_USR}:{LINK}"}\n')
        file.write('LINK: {secret: true, composed: "b://{DATABASE_USER}"}\n')
    with pytest.raises(ConfigError) as caught:
        project.load("dev")
    first, second = str(caught.value).splitlines()
    assert "URL: composed: DATABASE_USR is no setting (did you mean DATABASE_USER?)" in first
    assert "URL: composed: LINK is composed itself" in second


def test_a_project_may_keep_the_file_of_rules_under_its_old_name(project: Project) -> None:
    new, old = project.compose / "settings.yml", project.compose / "schema.yml"
    shutil.move(new, old)
    assert project.load("dev").settings["PROJECT"]
    project.add("dev.env", "NO_SUCH=1")
    with pytest.raises(ConfigError, match=r"NO_SUCH is not in compose/schema\.yml"):
        project.load("dev")
    new.write_text("[]")
    with pytest.raises(ConfigError, match=r"settings\.yml must map names to rules"):
        project.load("dev")


def test_a_file_of_rules_that_names_the_project_is_taken_as_whole(project: Project) -> None:
    own = project.compose / "settings.yml"
    assert project.load("dev").settings["MAX_BODY_MB"] == "100"
    rules = yaml.safe_load(setting_rules.OURS.read_text()) | yaml.safe_load(own.read_text())
    del rules["MAX_BODY_MB"]  # as in a project begun before there was such a setting
    own.write_text(yaml.safe_dump(rules))
    assert "MAX_BODY_MB" not in project.load("dev").settings
    own.write_text("# a project without settings of its own\n")
    (project.compose / "common.env").write_text(
        "PROJECT=shop\nDATABASE_HOST=db\nDATABASE_NAME=shop\nDATABASE_USER=shop\n"
    )
    (project.compose / "dev.env").write_text("RUNS_ON=this-computer\n")
    assert project.load("dev").settings["MAX_BODY_MB"] == "100"


plain = st.text(st.characters(exclude_categories=["C", "Z"], exclude_characters="'\\"), max_size=30)


@given(plain)
def test_single_quotes_keep_any_value_as_it_is(value: str) -> None:
    path = Path("/dev/shm") / "slipway-test.env"
    path.write_text(f"KEY='{value}'\n")
    try:
        assert envfile.read(path) == {"KEY": value}
    finally:
        path.unlink()


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.env"
    path.write_bytes(b"KEY=\xff\n")
    with pytest.raises(ConfigError, match="byte 4 is not UTF-8"):
        envfile.read(path)


def test_all_that_is_wrong_in_all_files_is_said_in_one_run(project: Project) -> None:
    project.add("common.env", "HTTP_PROT=80\nNO KEY")
    project.add("prod.env", "LAB=maybe\nSESSION_KEY=hunter2\nLAB=on")
    with pytest.raises(ConfigError) as caught:
        project.load("prod")
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["compose/common.env"] * 2 + [
        "compose/prod.env"
    ] * 3
    with (project.compose / "settings.yml").open("a") as file:
        file.write("one: {}\nTWO: {typ: text}\n")
    with pytest.raises(ConfigError) as caught:
        project.load("prod")
    assert "one must be capital" in str(caught.value)
    assert "TWO: unknown word typ" in str(caught.value)
    assert "NO KEY" not in str(caught.value)
    assert "expected KEY=value" in str(caught.value)
