"""A project of a small team: its files, and people with real age keys who take turns at it."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from slipway.project import ROOT
from slipway.secrets import programs
from slipway.team.project import Project
from tests.fakes.vault import SOPS

COPIED = ("settings.yml", "common.env", "staging.env", "prod.env", "compose.yml")
SECRETS = {"DATABASE_PASSWORD": "first-one", "SESSION_KEY": "first-two"}
SSH = {
    "ada": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFIP8GDQrbVLGdqUxsRx1WU7kDIwK3tNXAs5hYmhBcmM",
    "bob": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOb5nf8fxjc5KKkuPWcDgQdHtShNIf1SyqYSq4WsNkqT",
}


class TeamProject:
    """Files in a folder, `keys` of people beside it."""

    def __init__(self, root: Path) -> None:
        self.homes = root / "homes"
        self.root = root / "project"
        if self.root.exists():
            return  # a copy of one
        (self.root / "secrets").mkdir(parents=True)
        (self.root / "compose").mkdir()
        for name in COPIED:
            shutil.copy(ROOT / "compose" / name, self.root / "compose" / name)
        for name in ("staging", "prod"):
            with (self.root / "compose" / f"{name}.env").open("a") as file:
                file.write("\nALLOW_STANDINS=on\n")
        self.git("init", "--quiet", "--initial-branch=main")
        self.git("config", "user.name", "Ada")
        self.git("config", "user.email", "ada@example.org")
        self.git("config", "commit.gpgsign", "false")

    @property
    def project(self) -> Project:
        return Project(self.root)

    def key_of(self, name: str) -> Path:
        return self.homes / name / ".config/sops/age/keys.txt"

    def recipient(self, name: str) -> str:
        """A person's public key, made on first use."""
        path = self.key_of(name)
        if not path.exists():
            path.parent.mkdir(parents=True)
            subprocess.run(["age-keygen", "-o", str(path)], check=True, capture_output=True)
        return str(re.findall(r"public key: (\S+)", path.read_text())[0])

    def rules(self, people: Mapping[str, str]) -> None:
        """Write .sops.yaml: by environment who reads it, names with spaces between."""
        lines = ["# who reads what", "creation_rules:"]
        for env, names in people.items():
            lines += [f"  - path_regex: ^secrets/{env}\\.sops\\.yaml$ # {env}'s", "    age:"]
            lines += [f"      - {self.recipient(name)} # {name}" for name in names.split()]
        (self.root / ".sops.yaml").write_text("\n".join(lines) + "\n")

    def encrypt(self, env: str, values: Mapping[str, str] = SECRETS) -> Path:
        text = yaml.safe_dump(dict(values), sort_keys=False).encode()
        argv = [SOPS, "encrypt", "--input-type=yaml", "--output-type=yaml"]
        argv += [f"--filename-override=secrets/{env}.sops.yaml", "/dev/stdin"]
        done = subprocess.run(argv, input=text, capture_output=True, check=True, cwd=self.root)
        path = self.file(env)
        path.write_bytes(done.stdout)
        return path

    def file(self, env: str) -> Path:
        return self.root / "secrets" / f"{env}.sops.yaml"

    def environ(self, name: str) -> dict[str, str]:
        """What a person's programs get: nobody else's key."""
        self.recipient(name)
        kept = {key: os.environ[key] for key in ("PATH", "TMPDIR") if key in os.environ}
        return kept | {"HOME": str(self.homes / name)}

    def sops(self, name: str, *argv: str, stdin: bytes = b"") -> int:
        """What bare sops ends with in a person's hands."""
        argv = (programs.find_sops().path, *argv)
        environ, quiet = self.environ(name), subprocess.DEVNULL
        done = subprocess.run(
            argv, input=stdin, stdout=quiet, stderr=quiet, check=False, env=environ, cwd=self.root
        )
        return done.returncode

    def put(self, name: str, env: str, key: str, value: str) -> None:
        argv = ("set", "--value-stdin", str(self.file(env)), f'["{key}"]')
        assert self.sops(name, *argv, stdin=f'"{value}"'.encode()) == 0

    def reads(self, name: str, env: str) -> bool:
        return self.sops(name, "decrypt", str(self.file(env))) == 0

    def git(self, *argv: str) -> str:
        done = subprocess.run(
            ["git", *argv], cwd=self.root, check=True, capture_output=True, text=True
        )
        return done.stdout

    def commit(self, message: str) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", f"--message={message}")

    @contextmanager
    def seat(self, name: str) -> Iterator[Project]:
        """Let a person type: this process has their home, and no other key."""
        with pytest.MonkeyPatch.context() as patch:
            for key in [key for key in os.environ if key.startswith(("SOPS_", "XDG_CONFIG"))]:
                patch.delenv(key)
            self.recipient(name)
            patch.setenv("HOME", str(self.homes / name))
            yield self.project
