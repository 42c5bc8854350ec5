"""A thin project's files: complete, of the project's own name, with links that lead somewhere."""

import re
from datetime import date
from pathlib import Path

import pytest

from slipway.environments import environment
from slipway.errors import ConfigError, Refused, UsageError
from slipway.notebook.checking import check
from slipway.project import ROOT
from slipway.releases import application
from slipway.scaffold import answers, create, template
from slipway.scaffold.answers import Answers
from tasks.cli import namespace
from tasks.command_index import CommandIndex

LINK = re.compile(r"\]\((?!\w+:)([^)#\s]+)")
DOMAINS = ("", "shop.example.com")
# Every shape of a name: shortest, longest, with dashes and digits, the sample's own, a service's.
NAMES = ("s", f"a{'-b' * 14}c", "old-shop-2", "logbook", "web")
# Each pair of two answers is there, which the product of all three would have twice.
PAIRS = [
    (name, DOMAINS[(number + count) % 2], forge)
    for number, name in enumerate(NAMES)
    for count, forge in enumerate(answers.FORGES)
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("wheel") / "slipway-0.2.0-py3-none-any.whl"
    path.write_bytes(b"a wheel")
    return path


def made(folder: Path, wheel: Path, given: Answers) -> Path:
    for path, file in template.render(given, ROOT, wheel, "age1own").items():
        template.write(folder / path, file)
    return folder


@pytest.mark.parametrize(("name", "domain", "forge"), PAIRS)
def test_each_pair_of_answers_makes_environments_that_a_deploy_reads_and_documents_that_hold(
    tmp_path: Path, wheel: Path, name: str, domain: str, forge: str
) -> None:
    given = create.answers(name, domain, forge).at("0.2.0")
    project = made(tmp_path, wheel, given)
    assert answers.read(project) == given
    files = {path.name for path in project.glob(".*")}
    assert (".github" in files, ".gitlab-ci.yml" in files) == (forge == "github", forge == "gitlab")
    names = ("dev", "testing", "staging", "prod")
    envs = [environment.load(name, project / "compose", project / "secrets") for name in names]
    assert [env.prefix for env in envs] == [f"{name}-{each}" for each in names]
    assert {env.settings["DATABASE_NAME"] for env in envs} == {name.replace("-", "_")}
    (*_, env) = envs
    services = {service.name for service in application.read(env).services}
    expected = {"web", "db", "migrations", "ops", "drill", "restic", "edge", "tests"}
    assert services == expected | ({"certificates"} if domain else set())
    runbooks = sorted((project / "runbooks").glob("*.md"))
    documents = check.documents(project)
    assert runbooks and documents
    commands = CommandIndex(namespace)
    problems = check.check(runbooks, commands, today=date.today(), documents=documents)
    # The commands are the kit's, of which some have a runbook that no project needs.
    assert [each for each in problems if Path(each.file).name not in template.ABOUT_THE_KIT] == []


def test_a_project_speaks_of_itself_and_its_links_lead_somewhere(
    tmp_path: Path, wheel: Path
) -> None:
    project = made(tmp_path, wheel, Answers("0.2.0", "shop"))
    (project / "secrets").mkdir()
    for path in [*project.rglob("*.md"), *project.rglob("*.yml"), *project.rglob("*.env")]:
        text = path.read_text()
        if path.name == "CHANGELOG.md":
            continue
        assert "{{" not in text.replace("{{.", "").replace("${{", ""), path
        assert "logbook" not in text, path
        for target in LINK.findall(text) if path.suffix == ".md" else ():
            assert (path.parent / target).exists(), (path, target)


def test_operations_of_a_project_differ_from_the_kits_in_where_the_engine_comes_from() -> None:
    kits, own = (
        (folder / "compose/ops/Dockerfile").read_text() for folder in (ROOT, template.FOLDER)
    )
    rest = "\n".join(line for line in own.splitlines() if "kit" not in line)
    for line in kits.splitlines():
        if not line.startswith("COPY") or "migrations" in line or "grants" in line:
            assert line in rest, line
    rooms = set(re.findall(r"^!slipway/(\w+)$", _ignored(), re.MULTILINE))
    assert rooms == set(re.findall(r"/kit/slipway/(\w+) /srv", own))


def _ignored() -> str:
    return (ROOT / "compose/ops/Dockerfile.dockerignore").read_text()


@pytest.mark.parametrize(
    ("name", "domain", "forge"),
    [
        ("Shop", "", "none"),
        ("a" * 31, "", "none"),
        ("shop-", "", "none"),
        ("shop", "https://shop.example.com", "none"),
        ("shop", "", "sourceforge"),
    ],
)
def test_an_answer_that_no_project_could_have_is_refused(
    name: str, domain: str, forge: str
) -> None:
    with pytest.raises(UsageError):
        create.answers(name, domain, forge)


def test_answers_that_somebody_broke_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"kit\.yml is missing"):
        answers.read(tmp_path)
    for text in ("[]", 'version: "1"\nname: shop\nother: x\n', "version: 1.0\nname: shop\n"):
        (tmp_path / answers.FILE).write_text(text)
        with pytest.raises(ConfigError, match=r"kit\.yml"):
            answers.read(tmp_path)
    with pytest.raises(Refused, match="a checkout of Slipway itself"):
        answers.read(ROOT)


def test_no_place_is_taken_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(Refused, match="not empty"):
        create.check_place(tmp_path / "full")
    with pytest.raises(UsageError, match="mkdir -p"):
        create.check_place(tmp_path / "no" / "shop")
    with pytest.raises(UsageError, match="would lie in the checkout"):
        create.check_place(ROOT / "shop")
