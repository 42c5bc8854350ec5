"""The service `certificates`: one in an environment, wherever the Swarm puts it.

It keeps nothing of its own. What it has it takes from the edges when it starts, and asks no
authority before one of them has answered: a machine that is lost costs no certificate.
TICK, PATIENCE (seconds) and RENEW_BELOW (a share of a certificate's life) are for tests.
"""

import os
import ssl
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from slipway.certificates import exchange, pem
from slipway.certificates.issuer import Issuer
from slipway.certificates.lego import SECRETS, Lego
from slipway.certificates.renewal_info import RenewalInfo

READY = Path("/tmp/ready")  # noqa: S108  the container's own, read by its health check
RETRY = Path("/tmp/retry")  # noqa: S108  likewise; made by whoever has fixed a cause
TICK = 20.0
PATIENCE = 60.0  # seconds that other edges have to answer, once one has


def main(settings: Mapping[str, str]) -> None:
    names = [name.strip().lower() for name in settings["DOMAIN"].split(",") if name.strip()]
    webroot = Path(tempfile.mkdtemp())
    email = settings.get("ACME_EMAIL") or f"hostmaster@{names[0].removeprefix('*.')}"
    lego = Lego(settings["ACME_CA"], email, settings.get("ACME_DNS", ""), webroot)
    issuer = Issuer(names, settings["ACME_CA"], lego.obtain)
    root = SECRETS / "ACME_CA_ROOT"
    trust = ssl.create_default_context(cafile=root if root.is_file() else None)
    issuer.suggested = RenewalInfo(settings["ACME_CA"], trust).suggested
    issuer.renew_below = float(settings.get("RENEW_BELOW", issuer.renew_below))
    exchange.serve_challenges(webroot)
    exchange.serve_bundle(lambda: issuer.bundle, exchange.trusting(ssl.Purpose.CLIENT_AUTH))
    READY.touch()
    is_provided = settings["TLS"] == "provided"
    _take_over(issuer, 0.0 if is_provided else float(settings.get("PATIENCE", PATIENCE)))
    tick = float(settings.get("TICK", TICK))
    while True:
        if is_provided:
            issuer.provide(*((SECRETS / key).read_bytes() for key in ("TLS_CHAIN", "TLS_KEY")))
        else:
            if RETRY.exists():
                RETRY.unlink()
                issuer.forgive()
            for line in issuer.work():
                print(line, flush=True)
        time.sleep(tick)


def _take_over(issuer: Issuer, patience: float) -> None:
    """Wait for an edge; then give the others a while, since the newest may be with one of them.

    Where all answer and none has anything, the environment is new.
    """
    trust = exchange.trusting(ssl.Purpose.SERVER_AUTH)
    deadline, last = 0.0, ""
    while True:
        bundles, edges = exchange.from_edges(issuer.names, trust)
        issuer.take_over(bundles)
        deadline = deadline or (time.monotonic() + patience if bundles else 0.0)
        has_all = all(pem.file_of(name) in issuer.bundle.files for name in issuer.names)
        is_new = len(bundles) == edges and not issuer.bundle.files
        is_over = bool(bundles) and (has_all or is_new or time.monotonic() >= deadline)
        next_step = (
            f"continuing from {issuer.bundle.number}" if is_over else "waiting for the others"
        )
        text = f"{len(bundles)} of {edges} edges answer; {next_step}"
        if text != last:
            print(text, flush=True)
            last = text
        if is_over:
            return
        time.sleep(1)


if __name__ == "__main__":
    try:
        main(os.environ)
    except KeyboardInterrupt:
        sys.exit(130)
