"""An ACME authority and a name server of our own, on the network of rehearsal machines."""

import base64
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from tests import base_images
from tests.e2e.checkout import docker
from tests.e2e.rig import Rig
from tests.waiting import wait_until

DIRECTORY = "https://ca.test/acme/local/directory"
PUBLIC = "acme-v02.api.letsencrypt.org"  # it answers for this one too, to whoever asks our DNS
KNOT = """
FROM debian:trixie-slim
RUN apt-get update && apt-get install -y --no-install-recommends knot
"""
CONFIG = """
server:
    listen: 0.0.0.0@53
    rundir: /tmp
log:
  - target: stderr
    any: info
database:
    storage: /tmp
key:
  - id: lego
    algorithm: hmac-sha256
    secret: {key}
acl:
  - id: update
    key: lego
    action: update
zone:
  - domain: test
    storage: /tmp
    file: test.zone
    acl: update
    zonefile-sync: -1
    zonefile-load: difference
    journal-content: all
  - domain: {public}
    storage: /tmp
    file: public.zone
"""
START = """
printf %s "$1" >/tmp/knot.conf
printf %s "$2" >/tmp/test.zone
printf %s "$3" >/tmp/public.zone
exec knotd -c /tmp/knot.conf >/proc/1/fd/1 2>&1
"""
TO_DIRECTORY = {"handler": "rewrite", "uri": "/acme/local/directory"}
ROOT = "/data/caddy/pki/authorities/local/root.crt"


@dataclass(frozen=True)
class Authority:
    """The containers of both; `name_server` is an address."""

    container: str
    network: str
    name_server: str
    key: str

    @property
    def root(self) -> str:
        return docker("exec", self.container, "cat", ROOT)

    @property
    def credentials(self) -> str:
        """What lego's provider rfc2136 needs."""
        values = {
            "RFC2136_NAMESERVER": f"{self.name_server}:53",
            "RFC2136_TSIG_KEY": "lego",
            "RFC2136_TSIG_ALGORITHM": "hmac-sha256.",
            "RFC2136_TSIG_SECRET": self.key,
            "RFC2136_POLLING_INTERVAL": "1",
            "RFC2136_PROPAGATION_TIMEOUT": "30",
        }
        return "".join(f"{key}={value}\n" for key, value in values.items())


def for_machines(machines: Rig, names: Sequence[str], lifetime: int) -> Authority:
    """Start both on the machines' network; `names` lead to all machines."""
    containers = [machines.container(name) for name in machines.ports]
    form = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}"
    network = docker("inspect", "--format", form, containers[0])
    app = machines.app
    label = ("--label", f"slipway.app={app}", "--label", f"slipway.test={app}")
    image = f"{app}-knot"
    base_images.build(image, "-", *label, text=KNOT)
    key = base64.b64encode(secrets.token_bytes(32)).decode()
    options = ("run", "--detach", *label, "--network", network)
    knot = docker(*options, image, "sleep", "infinity")
    caddy = docker(*options, "--dns", address(knot), "caddy:2", "sleep", "infinity")
    lines = [f"{name}. 1 A {place}" for name in names for place in map(address, containers)]
    lines += [
        f"ca.test. 1 A {address(caddy)}",
        f"ns.test. 1 A {address(knot)}",
        "test. 1 NS ns.test.",
    ]
    zone = "\n".join(["test. 1 SOA ns.test. me.test. 1 60 60 600 1", *lines, ""])
    other = "\n".join(
        [
            f"{PUBLIC}. 1 SOA ns.test. me.test. 1 60 60 600 1",
            f"{PUBLIC}. 1 NS ns.test.",
            f"{PUBLIC}. 1 A {address(caddy)}",
            "",
        ]
    )
    _in(knot, START, CONFIG.format(key=key, public=PUBLIC), zone, other)
    acme = {
        "handler": "acme_server",
        "lifetime": f"{lifetime}s",
        "resolvers": [f"udp/{address(knot)}:53"],
        "policy": {"allow_wildcard_names": True},
        "challenges": ["http-01", "dns-01"],
    }
    public = {"match": [{"host": [PUBLIC], "path": ["/directory"]}], "handle": [TO_DIRECTORY]}
    route = {"match": [{"host": ["ca.test", PUBLIC]}], "handle": [acme]}
    config = {
        "apps": {
            "http": {"servers": {"ca": {"listen": [":443"], "routes": [public, route]}}},
            "tls": {"automation": {"policies": [{"issuers": [{"module": "internal"}]}]}},
            "pki": {"certificate_authorities": {"local": {"install_trust": False}}},
        }
    }
    text = 'printf %s "$1" >/tmp/ca.json; exec caddy run --config /tmp/ca.json'
    _in(caddy, text, json.dumps(config))
    made = Authority(caddy, network, address(knot), key)
    wait_until("there is an authority", lambda: "BEGIN" in made.root, timeout=60)
    return made


def _in(container: str, text: str, *words: str) -> None:
    docker("exec", "--detach", container, "sh", "-c", text, "sh", *words)


def address(container: str) -> str:
    """Return where a container is on its network."""
    form = "{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
    return docker("inspect", "--format", form, container)
