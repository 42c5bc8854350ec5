"""What gives a secret away: its name, its form, or an address with a password in it."""

import re

NAME = re.compile(
    r"TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|APIKEY|(^|_)(KEY|PASS|PAT|AUTH)(_|$)"
)
ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/\s:@]*):([^/\s@]+)@", re.IGNORECASE)
# Forms that their makers chose to be recognised by; for git too, whose expressions are POSIX's.
TOKENS = (
    "AGE-SECRET-KEY-1[0-9A-Z]{50}|-----BEGIN [A-Z ]*PRIVATE KEY-----|AKIA[0-9A-Z]{16}"
    "|gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60}|glpat-[0-9A-Za-z_-]{20}"
    "|xox[abprs]-[0-9A-Za-z-]{20}|[sr]k_live_[0-9A-Za-z]{20}|npm_[0-9A-Za-z]{36}"
    "|SG[.][0-9A-Za-z_-]{22}[.][0-9A-Za-z_-]{43}|AIza[0-9A-Za-z_-]{35}"
)
