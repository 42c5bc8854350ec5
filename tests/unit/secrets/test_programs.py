"""The programs that see secrets: known by their sums, or by where they lie; others see none."""

import hashlib
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.bootstrap import sops_release
from slipway.environments import environment
from slipway.environments.environment import Environment
from slipway.errors import ConfigError
from slipway.secrets import creation, encrypted_file, programs, sops
from slipway.secrets.programs import Release, UntrustedProgram
from tests.fakes.downloads import Downloads

PLATFORMS = ("linux.amd64", "linux.arm64", "darwin.amd64", "darwin.arm64")
FAKE = '#!/bin/sh\necho "$0 $*" >>"$CALLS"\n'


@pytest.fixture
def computer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A computer whose only sops is a program in a folder on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("SUMS", "RELEASES"):
        monkeypatch.setattr(programs, name, tmp_path / name.lower())
    monkeypatch.setattr(programs, "FETCHED", tmp_path / "programs/sops")
    lines = (f"{n}{'0' * 63}  sops-v9.9.8.{place}\n" for n, place in enumerate(PLATFORMS))
    programs.RELEASES.write_text("".join(lines))
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    install(folder / "sops", FAKE)
    yield folder


def install(path: Path, text: str) -> str:
    """Put a program in place; return its sum."""
    path.write_text(text)
    path.chmod(0o755)
    return hashlib.sha256(text.encode()).hexdigest()


def vouch(digest: str, file: str = "sops-v9.9.9.linux.amd64") -> None:
    with programs.RELEASES.open("a") as releases:
        releases.write(f"{digest}  {file}\n")


def prod(root: Path, **settings: str) -> Environment:
    env = environment.load("prod")
    return replace(env, secrets=root / "secrets", settings={**env.settings, **settings})


def test_upstreams_sums_are_known_for_each_platform_and_for_no_release_with_a_known_fault() -> None:
    known = programs.releases().values()
    versions = {each.version for each in known}
    assert {(each.version, each.file.partition(f"v{each.version}.")[2]) for each in known} == {
        (version, place) for version in versions for place in PLATFORMS
    }
    oldest = min(tuple(map(int, version.split("."))) for version in versions)
    assert oldest >= programs.OLDEST_SOPS


def test_a_program_is_a_release_by_its_bytes_alone_and_as_long_as_it_has_them(
    computer: Path,
) -> None:
    vouch(install(computer / "sops", FAKE))
    assert programs.find_sops().version == "9.9.9"
    before = (computer / "sops").stat()
    install(computer / "sops", FAKE.replace("$*", "$@"))  # as long, and as old as it seems
    os.utime(computer / "sops", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert programs.find_sops().version == ""


def test_what_was_fetched_is_used_before_a_stand_in_on_the_path(computer: Path) -> None:
    programs.FETCHED.parent.mkdir()
    vouch(install(programs.FETCHED, "#!/bin/sh\n"))
    assert programs.find_sops() == programs.Sops(str(programs.FETCHED), "9.9.9")


def test_a_stand_in_is_given_no_secret_of_prod_unless_a_setting_says_so(
    computer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls, file = tmp_path / "calls", tmp_path / "secrets/prod.sops.yaml"
    file.parent.mkdir()
    file.write_text("A: ENC[AES256_GCM,data:x,iv:x,tag:x,type:str]\nsops: {age: []}\n")
    install(computer / "sops", FAKE.replace("$CALLS", str(calls)))
    refusal = r"sops is no release .* secrets of prod: run inv bootstrap, .*ALLOW_STANDINS=on in"
    for use in (lambda env: sops.decrypt(file, env), lambda env: sops.encrypt({}, env)):
        with pytest.raises(UntrustedProgram, match=refusal):
            use(prod(tmp_path))
    assert not calls.exists()
    sops.encrypt({}, prod(tmp_path, ALLOW_STANDINS="on"))
    vouch(hashlib.sha256((computer / "sops").read_bytes()).hexdigest())
    sops.encrypt({}, prod(tmp_path))
    assert calls.read_text().count("encrypt") == 2


def test_a_refused_program_leaves_the_rules_as_they_were(computer: Path, tmp_path: Path) -> None:
    (tmp_path / "secrets").mkdir()
    install(computer / "sops", FAKE)
    env = replace(environment.load("prod"), secrets=tmp_path / "secrets")
    with pytest.raises(UntrustedProgram):
        creation.create(env)
    assert [path.name for path in tmp_path.rglob("*.yaml")] == []


def test_a_release_is_fetched_and_put_in_place_and_another_program_is_thrown_away(
    computer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = b"#!/bin/sh\n"
    release = Release("9.9.9", "sops-v9.9.9.linux.amd64", hashlib.sha256(real).hexdigest())
    monkeypatch.setattr(programs, "newest", lambda: release)
    vouch(release.sum)
    path = f"/v9.9.9/{release.file}"
    refusal = r"is not sops-v9\.9\.9\.linux\.amd64"
    with Downloads({path: b"mine"}) as other, pytest.raises(UntrustedProgram, match=refusal):
        sops_release.ensure(other.address)
    assert list(programs.FETCHED.parent.iterdir()) == []
    with Downloads({path: real}) as upstream:
        assert sops_release.ensure(upstream.address).startswith("fetched sops 9.9.9, a release")
    assert stat.S_IMODE(programs.FETCHED.stat().st_mode) == 0o755
    assert programs.find_sops().path == str(programs.FETCHED)


def test_where_upstream_cannot_be_reached_it_is_said_what_a_stand_in_is_good_for(
    computer: Path,
) -> None:
    install(computer / "sops", "#!/bin/sh\necho sops 3.11.0\n")
    said = sops_release.ensure("http://127.0.0.1:1")
    assert said.startswith("sops 3.11.0 stands in for a release (upstream's 9.9.8 could not be")
    assert said.endswith("secrets of staging and prod unless they say ALLOW_STANDINS=on")


def test_a_program_that_others_could_have_put_there_sees_no_key(
    computer: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(computer / "age-keygen", FAKE)
    assert programs.find("age-keygen") == str(computer / "age-keygen")
    computer.chmod(0o777)
    with pytest.raises(UntrustedProgram, match=r"bin may be changed by every user, and age-keygen"):
        programs.find("age-keygen")
    monkeypatch.chdir(computer)
    monkeypatch.setenv("PATH", ".")
    with pytest.raises(UntrustedProgram, match="by a relative entry"):
        programs.find("age-keygen")


@pytest.mark.parametrize("place", ["{{{0}: [{{}}]}}", "{{key_groups: [{{{0}: [{{}}]}}]}}"])
@pytest.mark.parametrize("kind", encrypted_file.OTHER_KEYS)
def test_a_file_that_would_have_sops_ask_others_than_age_is_not_decrypted(
    kind: str, place: str, tmp_path: Path
) -> None:
    file = tmp_path / "prod.sops.yaml"
    file.write_text(f"sops: {place.format(kind)}\n")
    with pytest.raises(
        ConfigError, match=f"is encrypted to {kind} too; here it is to age keys, and"
    ):
        encrypted_file.lint(file)
