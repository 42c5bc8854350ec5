"""What production must not be: refused with file, setting and way out, and free elsewhere."""

import pytest

from slipway.environments import production_rules
from slipway.errors import ConfigError
from tests.unit.environments.test_environments import Project

BALANCER = "TRUSTED_PROXIES=192.0.2.10"


@pytest.fixture
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("project"))


def write(project: Project, name: str, *lines: str) -> None:
    """Give an environment these settings and no balancer."""
    path = project.compose / f"{name}.env"
    text = path.read_text() if path.exists() else ""
    path.write_text("\n".join((text.replace(BALANCER, ""), *lines, "")))


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (
            [],
            r"prod\.env: TLS=off sends passwords in the open; say TLS=auto and DOMAIN, or TRUSTED",
        ),
        ([BALANCER, "LAB=on"], r"prod\.env: LAB=on opens to everybody .*; say LAB=off$"),
        (
            [BALANCER, "DATABASE_HOST=db.example.com", "PGSSLMODE=disable"],
            r"PGSSLMODE=disable lets .* in the open to db\.example\.com; say PGSSLMODE=require",
        ),
        ([BALANCER, "DATABASE_HOST=fd00::7", "PGSSLMODE=allow"], "PGSSLMODE=allow lets rows"),
        ([BALANCER, "BACKUP_S3_ENDPOINT=http://s3.example.com"], "BACKUP_S3_ENDPOINT is without"),
        ([BALANCER, "SMTP_PASSWORD=x"], r"SMTP_PASSWORD is named like a secret .*secret: false if"),
        ([BALANCER, "QUEUE=amqp://u:pw@mq.example.com"], "QUEUE holds an address with a password"),
    ],
)
@pytest.mark.parametrize("name", ["prod", "shop"])
def test_what_the_guide_forbids_is_refused_for_all_of_production_and_free_elsewhere(
    project: Project, name: str, lines: list[str], complaint: str
) -> None:
    with (project.compose / "settings.yml").open("a") as file:
        file.write("SMTP_PASSWORD: {}\nQUEUE: {}\n")
    project.add("common.env", "PRODUCTION_ENVIRONMENTS=shop")
    write(project, "shop", BALANCER)
    write(project, "prod", BALANCER)
    own = project.compose / f"{name}.env"
    own.write_text("\n".join(lines))
    with pytest.raises(ConfigError, match=complaint.replace("prod", name)) as caught:
        project.load(name)
    assert caught.value.exit_code == 2
    own.rename(project.compose / "demo.env")
    write(project, name, BALANCER)
    project.load("demo")


def test_what_is_named_like_a_secret_may_say_that_it_is_none(project: Project) -> None:
    with (project.compose / "settings.yml").open("a") as file:
        file.write("TOKEN_DAYS: {type: number, default: 3, secret: false}\n")
    assert project.load("prod").number("TOKEN_DAYS") == 3


@pytest.mark.parametrize("host", ["db", "localhost"])
def test_a_database_in_the_environments_own_network_may_be_asked_without_tls(
    project: Project, host: str
) -> None:
    write(project, "prod", BALANCER, "PGSSLMODE=disable", f"DATABASE_HOST={host}")
    assert project.load("prod").settings["PGSSLMODE"] == "disable"


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["PGSSLMODE=verify-full"], "needs an authority to believe: PGSSLROOTCERT=/etc/ssl/certs"),
        (["PGSSLMODE=verify-ca", "PGSSLROOTCERT=system"], "needs an authority of your own"),
        (["TRUSTED_PROXIES=balancer"], "'balancer' is no address; write addresses or networks"),
        (["TRUSTED_PROXIES=0.0.0.0/0"], "is everybody, who could then take any address"),
        (["TRUSTED_PROXIES=10.0.0.7/24"], r"has an address in a network; write 10\.0\.0\.0/24"),
    ],
)
def test_what_could_not_be_meant_is_refused_everywhere(
    project: Project, lines: list[str], complaint: str
) -> None:
    write(project, "staging", *lines)
    with pytest.raises(ConfigError, match=complaint):
        project.load("staging")


def test_a_deploy_does_not_take_the_example_that_a_new_project_begins_with(
    project: Project,
) -> None:
    with pytest.raises(ConfigError, match=r"TRUSTED_PROXIES=192\.0\.2\.10 is an example"):
        production_rules.check_examples(project.load("prod"))
    write(project, "prod", "TRUSTED_PROXIES=10.0.0.5")
    production_rules.check_examples(project.load("prod"))
    write(project, "staging")
    production_rules.check_examples(project.load("staging"))
