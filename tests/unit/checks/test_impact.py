"""`inv test --changed` runs all that a change can break: by imports, names, paths and marks."""

from pathlib import Path

import pytest

from slipway.checks.impact import Graph, is_test
from slipway.hosts.local import LocalHost
from slipway.project import ROOT

TEST = "tests/unit/test_a.py"
OTHER = "tests/unit/test_b.py"


class Repository:
    """A few files, of which a change of some is looked at."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.files: set[str] = set()
        self.write("slipway/__init__.py", "")
        self.write("tests/conftest.py", "")
        self.write(TEST, "")
        self.write(OTHER, "")

    def write(self, path: str, text: str) -> None:
        self.files.add(path)
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def breaks(self, *changed: str) -> tuple[str, ...]:
        return self.graph.select(changed).tests

    def why_all(self, *changed: str) -> str:
        return self.graph.select(changed).whole

    @property
    def graph(self) -> Graph:
        return Graph(self.root, self.files)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    return Repository(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "import slipway.room.deep",
        "from slipway.room import deep",
        "from slipway.room.deep import function",
        "def test():\n    from slipway.room import deep",
        "ARGV = ['python', '-m', 'slipway.room.deep']\nprint(ARGV)",
        "TABLE = {'verb': 'slipway.room.deep:work'}\nprint(TABLE)",
        "monkeypatch.setattr('slipway.room.deep.LIMIT', 3)",
        "importlib.import_module(f'slipway.room.{name}')",
        "pytestmark = pytest.mark.depends('slipway.room.deep')",
    ],
)
def test_a_test_depends_on_the_modules_that_it_names(repository: Repository, text: str) -> None:
    repository.write("slipway/room/__init__.py", "")
    repository.write("slipway/room/deep.py", "def function(): ...")
    repository.write("slipway/other.py", "")
    repository.write(OTHER, "import slipway.other")
    repository.write(TEST, text)
    assert repository.breaks("slipway/room/deep.py") == (TEST,)
    assert repository.breaks("slipway/room/__init__.py") == (TEST,)
    assert repository.breaks("slipway/other.py") == (OTHER,)
    assert repository.breaks("slipway/__init__.py") == (TEST, OTHER)


def test_what_a_module_depends_on_its_tests_depend_on_too(repository: Repository) -> None:
    repository.write("slipway/low.py", "")
    repository.write("slipway/middle.py", "import slipway.low")
    repository.write("slipway/high.py", "def work():\n    from slipway import middle")
    repository.write(TEST, "from slipway import high")
    repository.write(OTHER, "from slipway import low")
    assert repository.breaks("slipway/low.py") == (TEST, OTHER)
    assert repository.breaks("slipway/middle.py") == (TEST,)


@pytest.mark.parametrize(
    "text",
    [
        "PATH = 'compose/web/site/page.css'\nprint(PATH)",
        "(ROOT / 'compose').rglob('*')",
        "path.glob('*.css')",
        "print(path.suffix == '.css')",
        "site / 'page.css'",
        "(f'compose/web/{name}/page.css')",
        "from slipway.project import COMPOSE",
        "@pytest.mark.depends('compose')\ndef test(): ...",
        "run(['git', 'ls-files'])",
    ],
)
def test_a_test_depends_on_the_files_that_it_names(repository: Repository, text: str) -> None:
    repository.write("compose/web/site/page.css", "")
    repository.write("slipway/project.py", "ROOT = Path()\nCOMPOSE = ROOT / 'compose'")
    repository.write(OTHER, "from slipway.project import ROOT")
    repository.write(TEST, text)
    assert repository.breaks("compose/web/site/page.css") == (TEST,)


def test_on_an_example_depends_who_names_its_path_and_nobody_else(repository: Repository) -> None:
    repository.write("examples/notes/web/page.css", "")
    repository.write(TEST, "@pytest.mark.depends('examples/notes')\ndef test(): ...")
    repository.write(OTHER, "path.glob('*.css')\n(ROOT / 'examples')\nrun(['git', 'ls-files'])")
    assert repository.breaks("examples/notes/web/page.css") == (TEST,)
    assert "no test is known" in repository.why_all("examples/other/page.css")


def test_the_engine_asks_git_about_a_folder_of_a_team(repository: Repository) -> None:
    repository.write("compose/web/site/page.css", "")
    repository.write("slipway/images/build.py", "def files(folder): run(['git', 'ls-files'])")
    repository.write(TEST, "from slipway.images import build")
    repository.write(OTHER, "run(['git', 'ls-files'])")
    assert repository.breaks("compose/web/site/page.css") == (OTHER,)


def test_a_file_beside_a_module_belongs_to_it(repository: Repository) -> None:
    repository.write("slipway/room/probe.sh", "")
    repository.write("slipway/room/probe.py", "SCRIPT = read(__file__)")
    repository.write(TEST, "from slipway.room import probe")
    assert repository.breaks("slipway/room/probe.sh") == (TEST,)


def test_what_a_script_starts_its_users_depend_on(repository: Repository) -> None:
    repository.write("compose/ops/schedule", "exec python -m slipway.crontab")
    repository.write("slipway/crontab.py", "")
    repository.write(TEST, "run('ops', '/srv/schedule')")
    assert repository.breaks("slipway/crontab.py") == (TEST,)


CONFTEST = """
from slipway import clock, disk, always, hook

@pytest.fixture
def clock_of_the_team(): clock.start()

@pytest.fixture
def meeting(clock_of_the_team): ...

@pytest.fixture
def room(): disk.open()

@pytest.fixture(autouse=True)
def light(): always.on()

def pytest_sessionfinish(): hook.end()
"""


@pytest.mark.parametrize(
    "text",
    [
        "def test(meeting): ...",
        "class TestIt:\n    def test(self, meeting): ...",
        "@pytest.mark.usefixtures('meeting')\ndef test(): ...",
        "from tests.unit import helping",
    ],
)
def test_of_a_conftest_only_what_is_used_counts(repository: Repository, text: str) -> None:
    for name in ("clock", "disk", "always", "hook"):
        repository.write(f"slipway/{name}.py", "")
    repository.write("tests/conftest.py", CONFTEST)
    repository.write("tests/unit/helping.py", "@pytest.fixture\ndef help(meeting): ...")
    repository.write(TEST, text)
    repository.write(OTHER, "def test(room): ...")
    assert repository.breaks("slipway/clock.py") == (TEST,)
    assert repository.breaks("slipway/disk.py") == (OTHER,)
    assert repository.breaks("slipway/always.py") == (TEST, OTHER)
    assert repository.breaks("slipway/hook.py") == (TEST, OTHER)
    assert repository.breaks("tests/conftest.py") == (TEST, OTHER)


def test_who_starts_inv_depends_on_all_tasks(repository: Repository) -> None:
    repository.write("tasks/cli.py", "from tasks import deploy")
    repository.write("tasks/deploy.py", "def deploy():\n    from slipway import releases")
    repository.write("slipway/releases.py", "")
    repository.write(TEST, "run('inv', 'deploy')")
    assert repository.breaks("slipway/releases.py") == (TEST,)


def test_a_test_that_changed_runs_alone(repository: Repository) -> None:
    assert repository.breaks(TEST) == (TEST,)
    repository.files.add("tests/unit/test_gone.py")
    removed = repository.graph.select(["tests/unit/test_gone.py"])
    assert (removed.tests, removed.whole) == ((), "")


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("pyproject.toml", "pyproject.toml is for all of the project"),
        ("slipway/checks/impact.py", "chooses tests"),
        ("slipway/lonely.py", "no test is known to depend on slipway/lonely.py"),
        ("assets/logo.bin", "no test is known to depend on assets/logo.bin"),
    ],
)
def test_all_run_when_it_is_not_sure_what_can_break(
    repository: Repository, path: str, why: str
) -> None:
    repository.write(path, "")
    assert why in repository.why_all(path, TEST)


def test_a_module_that_was_removed_still_breaks_who_imports_it(repository: Repository) -> None:
    repository.files.add("slipway/gone.py")
    repository.write(TEST, "import slipway.gone")
    assert repository.breaks("slipway/gone.py") == (TEST,)


def test_every_module_here_is_reached_by_a_test_of_a_usual_part() -> None:
    argv = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = LocalHost(cwd=ROOT).run(argv, check=False)
    if listed.code:
        pytest.skip("not a git checkout")
    graph = Graph(ROOT, [path for path in listed.out.split("\0") if path])
    folders = ("tests/unit/", "tests/integration/", "tests/e2e/")
    reached = {test: graph.reach(test) for test in graph.tests if test.startswith(folders)}
    modules = [
        path
        for path in graph.files
        if path.startswith(("slipway/", "tasks/"))
        and path.endswith(".py")
        and (ROOT / path).exists()
    ]
    lost = [path for path in modules if not any(path in each for each in reached.values())]
    assert lost == []
    # An import of a test's own is followed at least once, so no test stands for itself alone.
    assert [test for test, each in reached.items() if len(each) < 3] == []
    # And it is worth the trouble: most modules are far from most tests.
    counts = sorted(sum(path in each for each in reached.values()) for path in modules)
    assert counts[len(counts) // 2] < len(reached) / 2
    assert all(map(is_test, reached))
