"""Files of secrets that the real sops encrypts, with an age key of their own."""

import json
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from slipway.environments import environment, setting_rules
from slipway.environments.environment import Environment
from slipway.secrets import encrypted_file, programs

keygen = shutil.which("age-keygen")
needs_age = pytest.mark.skipif(keygen is None, reason="age-keygen is not installed")

SOPS = programs.find_sops().path


class Vault:
    """An age key and files that are encrypted to it by sops itself."""

    def __init__(self, root: Path) -> None:
        self.secrets = root / "secrets"
        self.secrets.mkdir()
        self.key = self.secrets / encrypted_file.PUBLIC_KEY_FILE
        subprocess.run(["age-keygen", "-o", str(self.key)], check=True, capture_output=True)
        argv = ["age-keygen", "-y", str(self.key)]
        done = subprocess.run(argv, check=True, capture_output=True, text=True)
        self.recipient = done.stdout.strip()

    @property
    def path(self) -> Path:
        return self.secrets / "dev.sops.yaml"

    def keep(self, document: Mapping[str, object]) -> Path:
        argv = [SOPS, "encrypt", "--age", self.recipient, "--input-type", "json"]
        argv += ["--unencrypted-suffix", "__never__"]
        argv += ["--output-type", "yaml", "/dev/stdin"]
        data = json.dumps(document).encode()
        # Away from the project, whose .sops.yaml names other recipients.
        done = subprocess.run(
            argv, input=data, check=True, capture_output=True, cwd=self.secrets.parent
        )
        self.path.write_bytes(done.stdout)
        return self.path

    def change(self, old: str, new: str) -> None:
        text = self.path.read_text()
        assert old in text
        self.path.write_text(text.replace(old, new, 1))

    def environment(self, *keys: str) -> Environment:
        rules = dict(environment.load("dev").rules)
        rules = {key: rule for key, rule in rules.items() if not rule.secret}
        for key in keys:
            rules[key] = setting_rules.Rule(key, "text", (), None, True, True, 0, "What it is for.")
        settings = MappingProxyType(dict(environment.load("dev").settings))
        return Environment("dev", settings, rules, secrets=self.secrets)
