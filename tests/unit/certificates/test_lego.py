"""lego as it is called: by which challenge, with which files, and what of its words is repeated."""

import os
from pathlib import Path

import pytest

from slipway.certificates.issuer import NotObtained
from slipway.certificates.lego import Lego, parse

# Writes down what it was called with, and what its files hold; then it succeeds or fails.
PROGRAM = """#!/bin/sh
printf '%s\n' "$@" >"$LOG"
env | grep -o '^[A-Z0-9_]*_FILE=.*' | while IFS='=' read -r key file; do
  echo "$key $(cat "$file")"
done >>"$LOG"
[ -e "$LOG.ok" ] || { echo "acme: error: 403 :: TOKEN hunter22222 is wrong"; exit 1; }
while [ "$1" != --path ]; do shift; done
mkdir -p "$2/certificates" "$2/accounts/ca/me"
stem=$(echo "$4" | tr '*' _)
echo chain >"$2/certificates/$stem.crt"; echo key >"$2/certificates/$stem.key"
echo new >"$2/accounts/ca/me/account.json"
"""
# As lego 4.9 reports a script of ACME_DNS=exec that ended with 1.
SCRIPT_FAILED = """#!/bin/sh
cat <<'EOF'
2026/11/30 20:46:19 [INFO] [*.a.test] acme: Preparing to solve DNS-01
2026/11/30 20:46:19 the zone is not there

2026/11/30 20:46:19 [WARN] [*.a.test] acme: cleaning up failed: exit status 1
2026/11/30 20:46:19 Could not obtain certificates:
	error: one or more domains had a problem:
[*.a.test] [*.a.test] acme: error presenting token: exit status 1
EOF
exit 1
"""


@pytest.fixture
def lego(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lego:
    program = tmp_path / "bin" / "lego"
    program.parent.mkdir()
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LOG", str(tmp_path / "log"))
    secrets = tmp_path / "secrets"
    secrets.mkdir()
    (secrets / "ACME_DNS_CREDENTIALS").write_text("# ours\nDNS_TOKEN = hunter22222\n\nDNS_ZONE=a\n")
    return Lego("https://ca", "me@a.test", "somewhere", tmp_path / "web", secrets)


def test_a_name_is_proven_by_http_and_a_wildcard_by_dns(lego: Lego, tmp_path: Path) -> None:
    (tmp_path / "log.ok").touch()
    pem, accounts = lego.obtain("*.a.test", {"accounts/ca/me/account.json": b"old"})
    assert pem == b"chain\nkey\n"
    assert accounts == {"accounts/ca/me/account.json": b"new\n"}
    log = (tmp_path / "log").read_text()
    assert "--dns\nsomewhere\n" in log and "--http" not in log
    assert "DNS_TOKEN_FILE hunter22222" in log and "DNS_ZONE_FILE a" in log
    lego.obtain("a.test", {})
    log = (tmp_path / "log").read_text()
    assert f"--http.webroot\n{tmp_path / 'web'}\n" in log and "--dns" not in log


def test_a_failure_says_why_and_repeats_no_credential(lego: Lego) -> None:
    with pytest.raises(NotObtained) as caught:
        lego.obtain("*.a.test", {})
    assert str(caught.value) == "acme: error: 403 :: TOKEN *** is wrong"


def test_what_a_script_of_the_team_printed_is_said_with_its_exit_status(
    lego: Lego, tmp_path: Path
) -> None:
    (tmp_path / "bin" / "lego").write_text(SCRIPT_FAILED)
    with pytest.raises(NotObtained) as caught:
        lego.obtain("*.a.test", {})
    assert str(caught.value) == (
        "[*.a.test] [*.a.test] acme: error presenting token: exit status 1: the zone is not there"
    )


def test_a_wildcard_without_a_provider_asks_nobody(lego: Lego, tmp_path: Path) -> None:
    without = Lego(lego.authority, lego.email, "", lego.webroot, lego.secrets)
    with pytest.raises(NotObtained, match="a wildcard needs ACME_DNS"):
        without.obtain("*.a.test", {})
    assert not (tmp_path / "log").exists()


def test_lines_of_credentials_are_read_as_people_write_them() -> None:
    assert parse("A=b=c\n # no=comment\nnonsense\n B = d \n") == {"A": "b=c", "B": "d"}
