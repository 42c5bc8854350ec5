"""What gives a secret away: its name, or an address with a password in it."""

import re

NAME = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|APIKEY|(^|_)(KEY|PASS|PAT|AUTH)(_|$)"
)
ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/\s:@]*):([^/\s@]+)@", re.IGNORECASE)
