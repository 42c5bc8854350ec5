"""Whom SSH trusts: keys of hosts and people, also over a jump host, and how a refusal reads."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.errors import Unreachable
from slipway.hosts import known_hosts
from slipway.hosts.local import LocalHost
from slipway.hosts.ssh import BULK, SshHost
from slipway.hosts.ssh_route import SshRoute
from tests.integration.sshd import SshServer, admit, make_key, running

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, sshd: SshServer) -> Iterator[SshServer]:
    with running(tmp_path_factory.mktemp("gateway")) as made:
        admit(made.container, sshd.identity)
        yield made


def test_an_unknown_host_key_is_refused_with_what_to_type(sshd: SshServer, tmp_path: Path) -> None:
    with pytest.raises(Unreachable, match=r"host key of .* is unknown") as caught:
        sshd.host(known=tmp_path / "none").run(["true"])
    assert sshd.key.fingerprint in str(caught.value)
    vouches = known_hosts.line("127.0.0.1", sshd.port, sshd.key)
    assert f"`echo '{vouches}' >> {tmp_path}/none`" in str(caught.value)


@pytest.mark.parametrize("bulk", [False, True])
def test_a_changed_host_key_is_refused_loudly(sshd: SshServer, tmp_path: Path, bulk: bool) -> None:
    other = known_hosts.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    known_hosts.pin(tmp_path / "known", "127.0.0.1", sshd.port, [other])
    stdin = iter([b"data"]) if bulk else b""
    with pytest.raises(Unreachable, match="CHANGED") as caught:
        sshd.host(known=tmp_path / "known").run(["true"], stdin=stdin)
    assert other.fingerprint in str(caught.value)
    assert sshd.key.fingerprint in str(caught.value)


def test_the_real_ssh_that_carries_bulk_data_trusts_the_same_file_alone(
    sshd: SshServer, tmp_path: Path
) -> None:
    host = sshd.host()
    host.run(["true"])  # the kept connection is good; only then the file is spoilt
    other = known_hosts.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    spoilt = sshd.host(known=tmp_path / "known")
    known_hosts.pin(tmp_path / "known", "127.0.0.1", sshd.port, [sshd.key])
    spoilt.run(["true"])
    known_hosts.pin(tmp_path / "known", "127.0.0.1", sshd.port, [other])
    with pytest.raises(Unreachable, match="lost"):
        spoilt.run(["cat"], stdin=iter([b"data" * BULK]))
    host.close()
    spoilt.close()


def test_a_wrong_user_key_is_told_with_the_keys_that_were_tried(
    sshd: SshServer, tmp_path: Path
) -> None:
    wrong = make_key(tmp_path / "wrong")
    with pytest.raises(Unreachable, match=r"refuses deploy; keys tried: .*wrong"):
        sshd.host(identity=wrong).run(["true"])


@pytest.mark.parametrize("bulk", [False, True])
def test_a_jump_host_is_checked_like_the_host_behind_it(
    sshd: SshServer, gateway: SshServer, tmp_path: Path, bulk: bool
) -> None:
    known = tmp_path / "known"
    known_hosts.pin(known, sshd.address, 22, [sshd.key])
    stranger = sshd.behind(gateway, known)
    with pytest.raises(Unreachable, match=rf"\[127.0.0.1\]:{gateway.port} is unknown"):
        stranger.run(["true"], stdin=iter([b""]) if bulk else b"")
    known_hosts.pin(known, "127.0.0.1", gateway.port, [gateway.key])
    host = sshd.behind(gateway, known)
    stdin = iter([b"over two hops"]) if bulk else b"over two hops"
    assert host.run(["cat"], stdin=stdin).out == "over two hops"
    host.close()


def test_the_host_behind_a_known_jump_host_must_be_known_too(
    sshd: SshServer, gateway: SshServer, tmp_path: Path
) -> None:
    known_hosts.pin(tmp_path / "known", "127.0.0.1", gateway.port, [gateway.key])
    with pytest.raises(Unreachable, match=rf"{sshd.address} is unknown"):
        sshd.behind(gateway, tmp_path / "known").run(["true"])


def test_a_jump_host_that_does_not_answer_is_the_one_that_is_named(sshd: SshServer) -> None:
    gateway = "deploy@127.0.0.1:1"
    route = SshRoute("m1", sshd.address, "deploy", 22, sshd.known, sshd.identity, gateway)
    with pytest.raises(Unreachable, match=r"127\.0\.0\.1:1 refuses the connection"):
        SshHost(route).run(["true"])


def hashed(name: str, folder: Path) -> str:
    """A name as OpenSSH hashes it."""
    file = folder / "hashed"
    file.write_text(f"{name} {make_key(folder / 'any').with_suffix('.pub').read_text()}")
    LocalHost().run(["ssh-keygen", "-H", "-f", str(file)])
    return file.read_text().split()[0]


FORMS = {
    "plain": "{here} {key}",
    "tabs and a comment": "# ours\n{here},m1\t{key}\tcomment",
    "a pattern": "[127.0.0.*]:{port} {key}",
    "not this host": "!{here},[*]:{port} {key}",
    "two of a kind": "{here} {other}\n{here} {key}",
    "revoked": "{here} {key}\n@revoked {here} {key}",
    "revoked everywhere": " @revoked\t*\t{key}\n{here} {key}",
    "another one revoked": "@revoked * {other}\n{here} {key}",
    "an authority": "@cert-authority {here} {key}",
    "another host": "[127.0.0.1]:1 {key}",
    "hashed": "{hashed} {key}",
    "hashed and revoked": "{hashed} {key}\n@revoked {hashed} {key}",
}


def trusted_by_openssh(sshd: SshServer, file: Path) -> bool:
    """Whether the real ssh accepts the server's key by this file alone.

    A connection that broke for another reason (a busy machine) says nothing of the key: one more.
    """
    options = f"UserKnownHostsFile={file} GlobalKnownHostsFile=/dev/null StrictHostKeyChecking=yes"
    argv = ["ssh", "-F", "none", "-i", str(sshd.identity), "-p", str(sshd.port), "-l", "deploy"]
    argv += [word for each in [*options.split(), "BatchMode=yes"] for word in ("-o", each)]
    answers = []
    for _ in range(3):
        result = LocalHost().run([*argv, "127.0.0.1", "true"], check=False)
        if result.code == 0 or "Host key verification failed" in result.err:
            return result.code == 0
        answers.append(result.err)
    pytest.fail(f"ssh never judged the key: {answers}")


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_file_is_judged_as_ssh_judges_it(sshd: SshServer, tmp_path: Path, form: str) -> None:
    other = known_hosts.parse(make_key(tmp_path / "other").with_suffix(".pub").read_text())
    here, file = known_hosts.place("127.0.0.1", sshd.port), tmp_path / "known"
    key, stranger = (f"{each.kind} {each.text}" for each in (sshd.key, other))
    names = {"here": here, "port": sshd.port, "hashed": hashed(here, tmp_path)}
    file.write_text(form.format(**names, key=key, other=stranger) + "\n")
    theirs = trusted_by_openssh(sshd, file)
    host = sshd.host(known=file)
    try:
        ours = host.run(["true"]).code == 0
    except Unreachable as error:
        ours = False
        assert ("is revoked" in str(error)) is ("@revoked" in form)
    finally:
        host.close()
    assert ours is theirs
