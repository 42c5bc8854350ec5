"""Keys that a deploy would not keep: each refused by file, line and what to write instead."""

import re
from pathlib import Path

import pytest

from slipway.errors import ConfigError
from slipway.releases import application
from tests.compose import has_compose
from tests.unit.releases.compose_project import Project

pytestmark = pytest.mark.skipif(not has_compose(), reason="docker compose is not installed")

COLOUR = [
    ("privileged: true", r"privileged: a Swarm has no such option; leave it out"),
    ("security_opt: ['no-new-privileges:true']", r"security_opt: a Swarm has no such option"),
    ("group_add: [audio]", "group_add: a Swarm has no such option"),
    ("shm_size: 64m", "shm_size: write it under volumes: .*/dev/shm"),
    ("volumes: ['./api:/app']", "volumes: /app: a machine has no .*/api to mount"),
    ("volumes: ['edge:/data']", "a service with role colour keeps no state"),
    ("tmpfs: ['/tmp:mode=1777']", r"tmpfs: /tmp:mode=1777: a stack of the Swarm has no mode"),
    ("tmpfs: ['/tmp:uid=1']", "a stack of the Swarm has no uid for a tmpfs"),
    ("tmpfs: ['/tmp:size=lots']", "size=lots is no size; write 64m"),
    ("tmpfs: [tmp]", "tmpfs: tmp: write a path inside the container"),
    ("environment: [TOKEN]", r"environment\.TOKEN: takes its value from the shell"),
    ("environment: {TOKEN: }", r"environment\.TOKEN: takes its value from the shell"),
    ('build: {context: ./api, additional_contexts: {a: "https://x/y.git"}}', "contexts.a: https:"),
    ("build: {context: ./api, platforms: [linux/arm64, linux/amd64]}", "platforms: linux/arm64, l"),
    ("deploy: {endpoint_mode: vip}", r"endpoint_mode: services are found by the addresses"),
    ("deploy: {mode: global-job}", "a service with role colour runs as replicated or global"),
    ("user: app", 'user: app: a name is known inside the image only, .*write .*"10001:10001"'),
    ("networks: {data: {ipv4_address: 10.0.0.9}}", "ipv4_address: addresses are given by"),
    ("labels: {slipway.role: colour}", "write it under deploy.labels"),
    (
        "deploy: {resources: {limits: {memory: 2M}}}",
        r"memory: 2097152 bytes: 4M is the least",
    ),
    ("deploy: {resources: {limits: {cpus: 0.0001}}}", r"limits\.cpus: 0\.0001: 0\.001 is the"),
    (
        "deploy: {placement: {constraints: [node.role=a]}}",
        "node.role=a: write it like",
    ),
    ("deploy: {restart_policy: {condition: always}}", "condition: always: write any, on-fail"),
    ("tmpfs: [/tmp, /run, /tmp/]", "tmpfs: /tmp is mounted twice"),
    ("secrets: [{source: DATABASE_PASSWORD, target: SESSION_KEY}]", "two secrets have the na"),
]
DATABASE = [
    ("volumes: [/data]", "/data: a volume without a name is lost with its container"),
    ("volumes: ['db:/d', {type: npipe, source: a, target: /b}]", "not npipe"),
    ("deploy: {replicas: 2}", "replicas: of a service with role data there is one"),
    ("deploy: {mode: global}", "a service with role data runs as replicated, not global"),
    ("cpus: 0.5", r"cpus: write it as deploy\.resources\.limits\.cpus"),
    ("mem_limit: 64m", r"mem_limit: write it as deploy\.resources\.limits\.memory"),
    ("secrets: [{source: SESSION_KEY, uid: app}]", "secrets: app: write the number of a user"),
]
BASE = "{image: a, user: '1:1', secrets: [SESSION_KEY], deploy: {labels: {slipway.role: ROLE}}}"


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """What is said of services that have one of those lines each, by the place where it stands.

    All of them in one file, for Compose takes longer to start than to read.
    """
    project = Project(tmp_path_factory.mktemp("refused"))
    base, overlay = "services:\n", "services:\n"
    for number, (line, _) in enumerate([*COLOUR, *DATABASE]):
        role = "colour" if number < len(COLOUR) else "data"
        base += f"  s{number}: {BASE.replace('ROLE', role)}\n"
        overlay += f"  s{number}:\n    {line}\n"
    path = project.compose / "compose.yml"
    path.write_text(path.read_text().replace("services:\n", base, 1))
    with pytest.raises(ConfigError) as error:
        application.read(project.write(overlay))
    said: dict[str, list[str]] = {}
    for line in str(error.value).splitlines():
        place, _, text = line.partition(": ")
        said.setdefault(place, []).append(text)
    return said


@pytest.mark.parametrize(("number", "case"), list(enumerate([*COLOUR, *DATABASE])))
def test_a_key_that_a_deploy_would_not_keep_is_refused_with_its_line(
    findings: dict[str, list[str]], number: int, case: tuple[str, str]
) -> None:
    (text,) = findings[f"compose/compose.prod.yml:{3 + 2 * number}"]
    assert re.match(rf"services\.s{number}\..*{case[1]}", text)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("environment: {AT: '$PATH'}", "services.api takes PATH from the shell of whoever deploys"),
        ("environment: ['PATH']", "services.api takes PATH from the shell of whoever deploys"),
        (
            "environment: {P: 'pa$word1'}",
            r"nothing sets the variable word1, .*write \$\$word1 where a dollar sign is meant$",
        ),
        ("environment: {P: '${HOME}/a'}", r"nothing sets the variable HOME, .*or set HOME in"),
    ],
)
def test_a_variable_that_would_be_empty_or_the_shells_is_refused(
    tmp_path: Path, line: str, complaint: str
) -> None:
    env = Project(tmp_path).api(line)
    with pytest.raises(ConfigError, match=rf"^compose/compose\.prod\.yml:3: {complaint}"):
        application.read(env)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("environment: {P: '${Q:?hunter2}'}", r"set Q in compose/prod\.env and declare it"),
        ("environment: {P: '${PASSWORD-hunter2'}", r"services\.api\.environment\.P: write \$\$"),
        ("environment: ['P=hunter2${%}']", r"services\.api\.environment\.\[\]: write \$\$"),
    ],
)
def test_what_compose_does_not_read_is_said_with_its_line_and_without_a_value(
    tmp_path: Path, line: str, complaint: str
) -> None:
    env = Project(tmp_path).api(line)
    with pytest.raises(ConfigError, match=rf"^compose/compose\.prod\.yml:3: {complaint}") as error:
        application.read(env)
    assert "hunter2" not in str(error.value)


def test_aliases_that_stand_for_more_than_anybody_wrote_are_refused_before_compose_reads_them(
    tmp_path: Path,
) -> None:
    env = Project(tmp_path).write(f"x-a: &a [x, x]\n{aliases_of_aliases()}services: {{}}\n")
    with pytest.raises(ConfigError, match=r"compose\.prod\.yml: its aliases stand for \d{7,}"):
        application.read(env)


def aliases_of_aliases() -> str:
    """Ten lines that stand for six times as much each."""
    pairs = zip("abcdefghi", "bcdefghij", strict=True)
    return "".join(f"x-{new}: &{new} [{', '.join([f'*{old}'] * 6)}]\n" for old, new in pairs)
