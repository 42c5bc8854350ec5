"""The label that says which secrets of a service its program gets as variables."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.environments.setting_rules import KEY
from slipway.releases import compose_labels
from slipway.releases.compose_keys import Finding

LABEL = "slipway.secret-variables"
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Spec = Mapping[str, Any]


def of(spec: Spec) -> dict[str, str]:
    """Map each variable of a service to its secret; a label may name it otherwise: A=SECRET."""
    words = str(compose_labels.of(spec).get(LABEL, "")).replace(",", " ").split()
    pairs = (word.partition("=") for word in words)
    return {name: secret or name for name, _, secret in pairs}


def check(model: Spec) -> Iterator[Finding]:
    """Find variables without a secret, and such as an env file sets too."""
    for service, spec in sorted(model.get("services", {}).items()):
        above = ("services", service, "deploy", "labels", LABEL)
        has = {str(entry["source"]) for entry in spec.get("secrets") or []}
        for name, secret in of(spec).items():
            if not VARIABLE.fullmatch(name) or not KEY.fullmatch(secret):
                text = f"{name[:60]!a} is no name; write names such as SESSION_KEY, with spaces"
                yield Finding(above, text)
            elif secret not in has:
                text = f"{secret} is none of its secrets; write secrets: [{secret}] beside it"
                yield Finding(above, text)
            elif name in (spec.get("environment") or {}):
                text = f"{name} is under environment too; leave it out there"
                yield Finding(above, text)
