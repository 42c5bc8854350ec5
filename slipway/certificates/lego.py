"""lego, the ACME client: obtains one certificate, by HTTP-01, or by DNS-01 for a wildcard."""

import re
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from slipway import child_environment
from slipway.certificates.bundle import ACCOUNTS
from slipway.certificates.issuer import Files, NotObtained

SECRETS = Path("/run/secrets")
EXIT_STATUS = re.compile(r"exit status \d+$")  # of the team's script, with ACME_DNS=exec
# What such a script printed; lego's own lines begin with [INFO], or are its report at the end.
SCRIPT_SAID = re.compile(r"^[\d/]{10} [\d:]{8} (?!\[|Could not obtain)(.+)", re.MULTILINE)
PATIENCE = 600  # seconds; names in DNS take their time


@dataclass(frozen=True)
class Lego:
    """How certificates are obtained; `webroot` is served where the authority asks."""

    authority: str
    email: str
    dns: str  # a provider of lego's
    webroot: Path
    secrets: Path = SECRETS

    def obtain(self, name: str, accounts: Files) -> tuple[bytes, Files]:
        """Return a certificate with its key, and the accounts. Raises NotObtained."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder)
            for each, data in accounts.items():
                file = path / each
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(data)
            self._run(name, path)
            stem = name.replace("*", "_")
            parts = [path / "certificates" / f"{stem}.{kind}" for kind in ("crt", "key")]
            files = [each for each in (path / ACCOUNTS).rglob("*") if each.is_file()]
            new = {str(each.relative_to(path)): each.read_bytes() for each in files}
            return b"".join(part.read_bytes() for part in parts), new

    def _run(self, name: str, path: Path) -> None:
        if name.startswith("*") and not self.dns:
            raise NotObtained("a wildcard needs ACME_DNS, the provider of your DNS")
        by_http = ["--http", "--http.webroot", str(self.webroot)]
        way = ["--dns", self.dns] if name.startswith("*") else by_http
        argv = ["lego", "--accept-tos", "--email", self.email, "--server", self.authority]
        argv += ["--path", str(path), "--domains", name, *way, "run"]
        try:
            result = subprocess.run(
                argv,
                env=self._environment(path),
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise NotObtained(f"no answer within {PATIENCE} s") from error
        if result.returncode != 0:
            raise NotObtained(self._reason(result.stderr + result.stdout))

    def _environment(self, path: Path) -> Mapping[str, str]:
        """Have lego read each credential from a file: nobody else sees those."""
        values = {**child_environment.made("lego"), "HOME": str(path)}
        root = self.secrets / "ACME_CA_ROOT"
        if root.is_file():
            values["LEGO_CA_CERTIFICATES"] = str(root)
        for key, value in self._credentials().items():
            file = path / key
            file.write_text(value)
            file.chmod(0o600)
            values[f"{key}_FILE"] = str(file)
        return values

    def _credentials(self) -> dict[str, str]:
        file = self.secrets / "ACME_DNS_CREDENTIALS"
        return parse(file.read_text()) if file.is_file() else {}

    def _reason(self, text: str) -> str:
        """Return the last line that says something, without what a provider repeats of them."""
        for value in filter(lambda value: len(value) > 5, self._credentials().values()):
            text = text.replace(value, "***")
        lines = [" ".join(line.split()) for line in text.splitlines() if line.strip()]
        reasons = [line for line in lines if "error" in line.lower() or "could not" in line.lower()]
        reason = (reasons or lines or ["lego ended without a word"])[-1]
        own_words = SCRIPT_SAID.findall("\n".join(lines)) if EXIT_STATUS.search(reason) else []
        return ": ".join([reason, *own_words[-1:]])[-500:]


def parse(text: str) -> dict[str, str]:
    """Read lines such as HETZNER_API_KEY=…; what is no such line is left out."""
    lines = (line.strip().partition("=") for line in text.splitlines() if "=" in line)
    return {key.strip(): value.strip() for key, _, value in lines if not key.startswith("#")}
