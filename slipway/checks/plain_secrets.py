"""Secrets that lie in the open: in env files, in Dockerfiles, in files and the history of git.

A name or a known form gives one away; what has neither is not seen. No value is ever repeated.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from slipway import secret_signs
from slipway.environments import envfile, setting_rules
from slipway.environments.protection import DISPOSABLE
from slipway.errors import CommandFailed, ConfigError
from slipway.hosts import git
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE

INSTRUCTION = re.compile(
    r"^[ \t]*(ARG|ENV)[ \t]+([^\n\\]*(?:\\[\s\S][^\n\\]*)*)", re.IGNORECASE | re.MULTILINE
)
ASSIGNED = re.compile(r"""([A-Za-z_]\w*)(?:=("[^"]*"|'[^']*'|[^\s"']*)|[ \t]+(\S.*))?""")
# A place, a switch or a number is no secret, whatever its name; ${OTHER} is one of elsewhere.
HARMLESS = re.compile(r"(?i)|true|false|on|off|yes|no|\d+|/\S*|\$\{?\w+\}?")
PLACE = re.compile(r"_(?:FILE|PATH|DIR|URL|NAME|ID|TTL|LENGTH|HEADER)$")
EXAMPLES = re.compile(r"\.(?:example|sample|template|tmpl|dist)$")
FOR_SHOW = re.compile(r"(?:^|/)(?:tests?|fixtures|examples)/")  # whose values open nothing
OURS = f"secrets/{PUBLIC_KEY_FILE}"
AGE_KEY = "AGE-SECRET-KEY-(PQ-)?1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{50,}"


def in_files(root: Path) -> Iterator[str]:
    """Look at what lies in the checkout, without its history."""
    yield from _env_files(root / "compose")
    for path in sorted((root / "compose").rglob("*Dockerfile*")):
        if path.is_file() and path.suffix != ".dockerignore":
            yield from of_dockerfile(path.read_bytes().decode(errors="replace"), _short(root, path))
    yield from _tracked(root)


def of_dockerfile(text: str, name: str) -> Iterator[str]:
    """Find what would stay in an image for whoever has it: `docker history` shows ARG and ENV."""
    for match in INSTRUCTION.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        for key, equal, spaced in ASSIGNED.findall(match[2].replace("\\\n", " ")):
            value = (equal or spaced).strip("\"'")
            is_named = secret_signs.NAME.search(key.upper()) and not PLACE.search(key.upper())
            is_given = match[1].upper() == "ARG" or not HARMLESS.fullmatch(value)
            if (is_named and is_given) or _is_token(value) or secret_signs.ADDRESS.search(value):
                yield (
                    f"{name}:{line}: {match[1].upper()} {key} stays in the image, for all who have "
                    f"it; mount it: RUN --mount=type=secret,id={key} (docs/operations.md)"
                )
            if spaced:
                break


def in_history(root: Path) -> Iterator[str]:
    """Look through all commits of all branches; what is found is known to who has a clone."""
    argv = ["git", "log", "--all", "--no-textconv", "--extended-regexp", "--name-only"]
    argv += [f"-G{secret_signs.TOKENS}", "--format=%x00%h%x00%an%x00%as", "--", "."]
    argv += [f":(exclude){OURS}", ":(exclude)tests", ":(exclude)*.lock"]
    try:
        output = git.at(root).run(argv, timeout=300).out
    except CommandFailed:
        return
    parts = output.split("\0")[1:]
    for commit, author, rest in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        day, *names = rest.split()
        for name in names:
            yield (
                f"{name}: commit {commit} of {author}, {day}, has what looks like a key or a "
                "token; give it another value where it counts (runbooks/rotate-secrets.md)"
            )


def _env_files(compose: Path) -> Iterator[str]:
    rules = setting_rules.load(compose)
    for path in sorted(compose.glob("[!.]*.env")):
        try:
            values = envfile.examine(path)[0]
        except ConfigError:
            continue
        is_public = path.stem in DISPOSABLE
        for key, value in values.items():
            rule = rules.get(key)
            is_named = secret_signs.NAME.search(key) and not PLACE.search(key)
            looks_so = is_named and not HARMLESS.fullmatch(value) and not is_public
            has_password = secret_signs.ADDRESS.search(value) and not is_public
            if (looks_so and not (rule and rule.is_plain)) or has_password or _is_token(value):
                yield (
                    f"compose/{path.name}: {key} looks like a secret, and git has it for all to "
                    "read; say secret: true in compose/settings.yml and move it into secrets/, or "
                    "secret: false if it is none"
                )


def _tracked(root: Path) -> Iterator[str]:
    """Find files of secrets that git has as they are."""
    try:
        names = git.at(root).run(["git", "ls-files", "-z"], timeout=60).out.split("\0")
    except CommandFailed:
        return
    for name in names:
        base = name.rpartition("/")[2]
        is_dotenv = base == ".env" or (base.startswith(".env.") and not EXAMPLES.search(base))
        is_key = base.endswith(".agekey") and name != OURS
        if FOR_SHOW.search(name) or not (is_key or (is_dotenv and _holds_secrets(root / name))):
            continue
        yield f"{name} is in git for all to read: git rm --cached {name}, and new values for it"
    argv = ["git", "grep", "--cached", "-lz", "-I", "-E", AGE_KEY]
    for name in git.at(root).run(argv, timeout=60, check=False).out.split("\0"):
        if name and name != OURS and not (FOR_SHOW.search(name) or name.endswith(".agekey")):
            yield (
                f"{name} holds a private age key, and git has it for all to read: "
                f"git rm --cached {name}; if it was ever pushed, the key leaves: inv team.remove"
            )


def _holds_secrets(path: Path) -> bool:
    text = path.read_bytes().decode(errors="replace") if path.is_file() else ""
    pairs = (line.removeprefix("export ").partition("=") for line in text.splitlines())
    return _is_token(text) or any(
        secret_signs.ADDRESS.search(value)
        or (secret_signs.NAME.search(key) and not PLACE.search(key))
        for key, _, value in pairs
        if not HARMLESS.fullmatch(value.strip().strip("\"'"))
    )


def _is_token(value: str) -> bool:
    return re.search(secret_signs.TOKENS, value) is not None


def _short(root: Path, path: Path) -> str:
    return str(path.relative_to(root))
