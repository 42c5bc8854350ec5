"""The ledger and the delivery of secrets, in the real Swarm's own store."""

import dataclasses
import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Self

import pytest

from slipway.cluster import lease, ledger
from slipway.cluster.ledger import LedgerEntry
from slipway.cluster.observed import observe
from slipway.environments import environment, setting_rules
from slipway.environments.environment import Environment
from slipway.errors import Busy, DifferenceFound, HostError, Refused
from slipway.hosts.local import LocalHost
from slipway.machines.managers import Managers
from slipway.progress import SILENT
from slipway.secrets import change, delivery, encrypted_file, former, programs
from slipway.secrets.secret import Secret
from tests.fakes.lost_host import LostHost
from tests.integration.docker_sandbox import DockerSandbox, base_image

pytestmark = pytest.mark.engine

HOSTILE = {
    "LINES": "first\nsecond\n\n",
    "QUOTES": "it's \"quoted\" `ticked` $HOME ${X} $$ \\n \\ '; rm -rf / #",
    "UNICODE": "pässwörd 🔑 \u2028",
    "SPACES": "\t  around  ",
    "LONG": "0123456789abcdef\n" * 6000,
}


def entry(release: int, result: str = "live", **more: str) -> LedgerEntry:
    commit, at = f"{release:040x}", "2026-01-01T00:00:00Z"
    return LedgerEntry(release, result, "blue", commit, "anna@laptop", at, **more)


def test_what_is_written_down_is_read_back_in_order(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    written = [entry(1), entry(2, "failed", reason="it's “sick”: $HOME\n2nd line"), entry(2)]
    for each in written:
        ledger.append(manager, corner.app, each)
    assert ledger.entries(observe(manager, corner.app), corner.app) == tuple(written)


def test_what_a_lost_manager_had_done_already_is_done_once(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    managers = Managers([LostHost("m1"), manager], SILENT)
    ledger.append(managers, corner.app, entry(1))
    managers = Managers([LostHost("m1"), manager], SILENT)
    ledger.record(managers, corner.app, 1, "{}", {"tags": "a:1"})
    found = observe(manager, corner.app)
    assert ledger.entries(found, corner.app) == (entry(1),)
    assert ledger.read(manager, corner.app, 1) == "{}"
    with lease.hold(Managers([LostHost("m1"), manager], SILENT), corner.app, "deploy"):
        assert lease.holder_of(manager, corner.app)
        with pytest.raises(Busy):
            lease.acquire(manager, corner.app, "another")


def test_a_record_is_kept_byte_for_byte_with_what_it_needs(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    document = json.dumps({"text": "ünï $HOME 'x' \\n\n", "long": "x" * 200_000})
    ledger.record(manager, corner.app, 7, document, {"tags": "a:1 b:1", "secrets": "s.1"})
    assert ledger.read(manager, corner.app, 7) == document
    found = observe(manager, corner.app)
    assert ledger.numbers(found, corner.app) == [7]
    records = [f"{corner.app}.release.00007"]
    assert ledger.needed(found, records, "tags") == {"a:1", "b:1"}


def test_a_number_is_given_once(manager: LocalHost, corner: DockerSandbox) -> None:
    ledger.record(manager, corner.app, 7, "{}", {})
    with pytest.raises(HostError, match="already exists"):
        ledger.record(manager, corner.app, 7, "{}", {})


def test_environments_do_not_see_each_others_records(
    manager: LocalHost, corner: DockerSandbox
) -> None:
    ledger.append(manager, corner.app, entry(1))
    assert ledger.entries(observe(manager, f"{corner.app}x"), f"{corner.app}x") == ()
    assert ledger.entries(observe(manager, corner.app[:-1]), corner.app[:-1]) == ()


class Processes:
    """Reads every command line of this computer, again and again, while a block runs."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._stop.is_set():
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes())
                except OSError:
                    continue
            time.sleep(0.002)


@pytest.fixture
def env(corner: DockerSandbox, tmp_path: Path) -> Iterator[Environment]:
    """An environment of this corner whose secrets are hostile, encrypted by the real sops."""
    if shutil.which("age-keygen") is None:
        pytest.skip("age-keygen is not installed")
    folder = tmp_path / "secrets"
    folder.mkdir()
    key = folder / encrypted_file.PUBLIC_KEY_FILE
    subprocess.run(["age-keygen", "-o", str(key)], check=True, capture_output=True)
    recipient = subprocess.check_output(["age-keygen", "-y", str(key)], text=True).strip()
    argv = [programs.find_sops().path, "encrypt", "--age", recipient, "--input-type", "json"]
    argv += ["--unencrypted-suffix", "__never__", "--output-type", "yaml", "/dev/stdin"]
    data = json.dumps(HOSTILE).encode()
    done = subprocess.run(argv, input=data, check=True, capture_output=True, cwd=tmp_path)
    (folder / "dev.sops.yaml").write_bytes(done.stdout)
    plain = environment.load("dev")
    rules = {key: rule for key, rule in plain.rules.items() if not rule.secret}
    for name in HOSTILE:
        rules[name] = setting_rules.Rule(name, "text", (), None, True, True, 0, "")
    project = corner.app.removesuffix("-test")
    settings = MappingProxyType({**plain.settings, "PROJECT": project})
    made = dataclasses.replace(plain, settings=settings, rules=rules, secrets=folder)
    label = DockerSandbox(made.prefix)
    try:
        yield made
    finally:
        label.sweep()


def test_secrets_reach_a_service_byte_for_byte_and_stand_in_no_command(
    manager: LocalHost, env: Environment
) -> None:
    corner = DockerSandbox(env.prefix)
    with Processes() as processes:
        made = delivery.deliver(manager, env, delivery.versions(env).values(), [])
    assert sorted(corner.names("secret")) == made
    words = b"\0".join(processes.seen)
    assert b"sh\0-euc" in words
    assert not any(part in words for part in (b"quoted", b"MDEyMzQ1", b"0123456789abcdef\n"))

    names = delivery.versions(env)
    image = base_image("debian:trixie-slim")
    argv = ["service", "create", "--quiet", "--name", env.prefix, "--label", corner.label]
    argv += ["--container-label", corner.label, "--restart-condition", "none", "--detach"]
    for key, name in names.items():
        argv += ["--secret", f"source={name},target={key},uid=10001,mode=0400"]
    argv += ["--user", "10001", "--no-resolve-image", image]
    script = "cd /run/secrets && for each in *; do sha256sum $each; stat -c %a $each; done"
    corner.docker(*argv, "sh", "-c", script)
    deadline = time.monotonic() + 120
    expected = []
    for key in sorted(HOSTILE):
        digest = subprocess.run(
            ["sha256sum"], input=HOSTILE[key].encode(), capture_output=True, check=True
        )
        expected += [f"{digest.stdout.split()[0].decode()}  {key}", "400"]
    said: list[str] = []
    while said != expected and time.monotonic() < deadline:
        time.sleep(0.3)
        said = corner.docker("service", "logs", "--raw", env.prefix, check=False).splitlines()
    assert said == expected


def test_a_second_delivery_changes_nothing(manager: LocalHost, env: Environment) -> None:
    names = delivery.versions(env).values()
    assert len(delivery.deliver(manager, env, names, [])) == len(HOSTILE)
    assert delivery.deliver(manager, env, names, observe(manager, env.prefix).secrets) == []


def test_a_former_value_that_leaked_goes_when_nobody_has_it_and_no_rollback_gets_it(
    manager: LocalHost, env: Environment
) -> None:
    before = delivery.versions(env)
    key, other = sorted(before)[:2]
    delivery.deliver(manager, env, before.values(), [])
    change.apply(env, {key: Secret("another")})
    delivery.deliver(manager, env, delivery.versions(env).values(), before.values())
    corner = DockerSandbox(env.prefix)
    argv = ["service", "create", "--quiet", "--name", env.prefix, "--label", corner.label]
    argv += ["--secret", before[key], "--replicas", "0", "--detach", "--no-resolve-image"]
    corner.docker(*argv, base_image("debian:trixie-slim"))
    with pytest.raises(DifferenceFound, match=f"{env.prefix} still uses a former value of {key}"):
        former.remove(manager, env, key)
    corner.docker("service", "rm", env.prefix)

    assert former.names(manager, env, key) == [before[key]]
    assert former.remove(manager, env, key) == f"1 former values of {key} were removed"
    present = observe(manager, env.prefix).secrets
    assert present == {*delivery.versions(env).values()} >= {before[other]}
    former.demand(env, "release 7", delivery.versions(env).values(), present)
    with pytest.raises(Refused, match=f"release 7 had another value of {key}, which was removed"):
        former.demand(env, "release 7", before.values(), present)


def test_secrets_are_delivered_by_another_manager_where_one_was_lost_with_them(
    manager: LocalHost, env: Environment
) -> None:
    names = set(delivery.versions(env).values())
    delivery.deliver(Managers([LostHost("m1"), manager], SILENT), env, names, [])
    assert observe(manager, env.prefix).secrets == names
