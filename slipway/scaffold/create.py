"""Makes a new project beside its place, with secrets and a first commit, and moves it there."""

import os
import re
import secrets
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from slipway import version, whole_file
from slipway.environments import environment
from slipway.environments.protection import DISPOSABLE
from slipway.errors import ConfigError, Refused, UsageError, listing
from slipway.hosts import git
from slipway.hosts.local import LocalHost
from slipway.plan import Plan, Step
from slipway.scaffold import answers as answers_file
from slipway.scaffold import kit, template
from slipway.scaffold.answers import Answers
from slipway.scaffold.importing import copies, report
from slipway.scaffold.importing.conversion import Conversion
from slipway.secrets import creation, encrypted_file, programs, recipients, sops
from slipway.secrets.secret import Secret

KEY_HEAD = """\
# The age key of dev and testing. It lies in the repository on purpose: these two environments run
# on one computer, with made-up passwords, and a fresh clone must work without asking anybody.
# It protects nothing. Never name its public key in a rule for staging or prod, and never put a
# real password into secrets/dev.sops.yaml or secrets/testing.sops.yaml.
"""


@dataclass
class NewProject:
    """A project that is to be made in a folder, from answers and perhaps from an older one."""

    folder: Path
    answers: Answers
    application: Conversion | None = None
    draft: Path = field(init=False)

    def __post_init__(self) -> None:
        self.draft = self.folder.with_name(f".{self.folder.name}.{secrets.token_hex(4)}")

    def take(self, conversion: Conversion) -> None:
        """Have the project begin with an older one. Raises ConfigError for what cannot be."""
        if fatal := [str(problem) for problem in conversion.problems if problem.is_fatal]:
            raise ConfigError(listing(fatal))
        self.application = conversion

    def plan(self) -> Plan:
        """Return the steps; until the last one nothing is at the project's place."""
        wheel = f"Slipway {version.__version__} in {kit.VENDOR}/"
        return Plan(
            f"Make {self.answers.name} in {self.folder}",
            [
                Step("check", f"{self.folder} is free", self._check),
                Step("wheel", wheel, self._wheel, self._drop),
                Step("files", "what runs, runbooks, tests, CI, README", self._write),
                Step("secrets", "made-up secrets of dev and testing", self._secrets),
                Step("commit", "the first commit", self._commit),
                Step("place", f"all of it to {self.folder}", self._place),
            ],
        )

    def _check(self) -> None:
        check_place(self.folder)
        left = re.compile(rf"\.{re.escape(self.folder.name)}\.[0-9a-f]{{8}}")
        for path in self.folder.parent.iterdir():
            if left.fullmatch(path.name) and path.is_dir():
                shutil.rmtree(path)  # of a start that was killed

    def _wheel(self) -> str:
        vendor = self.draft / kit.VENDOR
        vendor.mkdir(parents=True)
        return kit.own_wheel(vendor).name

    def _drop(self) -> None:
        shutil.rmtree(self.draft, ignore_errors=True)

    def _write(self) -> str:
        key, public = _age_key()
        wheel = kit.vendored(self.draft)
        files = template.render(self.answers, kit.files(), wheel, public)
        if self.application is not None:
            files = {path: file for path, file in files.items() if not is_starter(path)}
            files |= {
                path: template.File(text.encode()) for path, text in self.application.files.items()
            }
            files[report.FILE] = template.File(report.text(self.application).encode())
            for path, source in self.application.folders.items():
                _copy(source, self.draft / path)
        for path, file in files.items():
            template.write(self.draft / path, file)
        template.write(
            self.draft / "secrets" / encrypted_file.PUBLIC_KEY_FILE,
            template.File((KEY_HEAD + key).encode()),
        )
        return f"{len(files)} files"

    def _secrets(self) -> str:
        imported = self.application.secrets if self.application else {}
        for name in sorted(DISPOSABLE):
            make_secrets(self.draft, name, imported)
        return ", ".join(f"secrets/{name}.sops.yaml" for name in sorted(DISPOSABLE))

    def _commit(self) -> str:
        here = git.at(self.draft)
        here.run(["git", "init", "--quiet", "--initial-branch=main"])
        # All that was written belongs to it, whatever a person's own list of ignored files names.
        here.run(["git", "-c", f"core.excludesFile={os.devnull}", "add", "--all"], timeout=120)
        message = f"Begin {self.answers.name} with Slipway {self.answers.version}"
        git.commit(self.draft, message)
        return message

    def _place(self) -> None:
        if self.folder.is_dir():
            self.folder.rmdir()  # check saw that it is empty
        self.draft.replace(self.folder)


def is_starter(path: str) -> bool:
    """Whether a file is part of the page that a project without an application begins with."""
    return path.startswith(template.STARTER) or path == "compose/compose.override.yml"


def check_place(folder: Path) -> None:
    """Refuse a folder that holds something, is in another project, or cannot be made."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Refused(f"{folder} is there already and not empty; nothing was changed")
    parent = folder.parent
    if not parent.is_dir():
        raise UsageError(f"--to: {parent} does not exist; make it first: mkdir -p {parent}")
    if not os.access(parent, os.W_OK):
        raise UsageError(f"--to: {parent} may not be written by you")
    inside = git.at(parent).run(["git", "rev-parse", "--show-toplevel"], check=False)
    if inside.code == 0:
        raise UsageError(
            f"--to: {folder} would lie in the checkout {inside.out.strip()}; a project is a "
            "repository of its own"
        )


def make_secrets(project: Path, name: str, imported: Mapping[str, Secret]) -> None:
    """Encrypt the secrets of an environment: those that were imported, random ones for the rest."""
    env = environment.load(name, project / "compose", project / "secrets")
    rules = [rule for rule in env.rules.values() if rule.secret]
    values = {rule.key: creation.random(rule.generate) for rule in rules if rule.generate}
    values |= {rule.key: imported[rule.key] for rule in rules if rule.key in imported}
    for key in [rule.key for rule in rules if rule.is_required(name) and rule.key not in values]:
        values[key] = Secret(f"made-up-{key.lower().replace('_', '-')}")
    whole_file.write(env.secrets_file, sops.encrypt(values, env))


def _age_key() -> tuple[str, str]:
    """Make a pair; return the file's text and the public half."""
    keygen = programs.find("age-keygen")
    if keygen is None:
        raise Refused("age-keygen is not installed; run: inv bootstrap")
    text = LocalHost().run([keygen], timeout=20).out
    (public,) = recipients.PUBLIC.findall(text)
    lines = [line for line in text.splitlines() if not line.startswith("# created")]
    return "\n".join(lines) + "\n", str(public)


def _copy(source: Path, target: Path) -> None:
    """Copy what a build needs of a folder, links as links, and nothing that holds secrets."""
    for name in copies.names(source):
        place = target / name
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source / name, place, follow_symlinks=False)


def answers(name: str, domain: str, forge: str) -> Answers:
    """Return checked answers for a project of this version. Raises UsageError."""
    return answers_file.check(Answers(version.__version__, name, domain, forge))
