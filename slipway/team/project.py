"""A project's files of its team: team.yml, and what is made from it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from slipway import whole_file
from slipway.environments import environment, protection
from slipway.environments.environment import Environment
from slipway.errors import Refused
from slipway.project import ROOT
from slipway.secrets import authorship, identity, recipients, rules
from slipway.secrets.encrypted_file import PUBLIC_KEY_FILE
from slipway.secrets.rules import core
from slipway.team import creation_rules, roster, roster_text, signers, start
from slipway.team.member import Team
from slipway.text_file import read_utf8

NO_TEAM = "this project has no team.yml; make it of what .sops.yaml holds: inv team.start"


@dataclass(frozen=True)
class Project:
    """Where one project's files lie, and what they say."""

    root: Path = ROOT
    _environments: dict[str, Environment] = field(default_factory=dict, compare=False, repr=False)

    @property
    def environments(self) -> list[str]:
        return environment.names(self.root / "compose")

    def environment(self, name: str) -> Environment:
        """Return an environment as far as it can be read: people leave broken projects too."""
        if name not in self._environments:
            folders = (self.root / "compose", self.root / "secrets")
            self._environments[name] = environment.examine(name, *folders)[0]
        return self._environments[name]

    def production(self) -> list[str]:
        """Name the environments that are guarded as production is."""
        guarded = (self.environment(name) for name in self.environments)
        return [env.name for env in guarded if protection.is_production(env)]

    def team(self) -> Team:
        """Read team.yml. Raises Refused where there is none, ConfigError for what is wrong."""
        team = roster.read(self.root, self.environments)
        if team is None:
            raise Refused(NO_TEAM)
        return team

    def readers(self, env: Environment, team: Team) -> set[str]:
        """Name all that an environment's file is to be encrypted to: people, and keys of clouds."""
        path, secrets = f"secrets/{env.secrets_file.name}", self.root / "secrets"
        rule = rules.first_for(path, secrets)
        clouds = {key.name for key in rule.cloud_keys} if rule else set()
        return {core(each.age) for each in team.readers(env.name)} | clouds

    def rules_text(self) -> str:
        """Return the text of .sops.yaml; nothing where there is none."""
        path = self.root / rules.FILE
        return read_utf8(path, rules.FILE) if path.is_file() else ""

    def begin(self) -> Team:
        """Make team.yml of .sops.yaml. Raises Refused where there is one."""
        if roster.file_in(self.root).exists():
            raise Refused(f"{roster.NAME} is there already; add somebody with: inv team.add")
        team = self.team_of_rules()
        self.write_team(team)
        self.write_rules(team)
        return team

    def team_of_rules(self) -> Team:
        """Return the team that .sops.yaml stands for. Raises ConfigError."""
        public = recipients.public_key(self.root / "secrets" / PUBLIC_KEY_FILE)
        return start.from_rules(self.rules_text(), self.environments, [public])

    def write_team(self, team: Team) -> bool:
        """Put team.yml in place; whether it changed."""
        path = roster.file_in(self.root)
        before = read_utf8(path, roster.NAME) if path.is_file() else ""
        return _write(path, before, roster_text.changed(before, team))

    def write_rules(self, team: Team) -> list[str]:
        """Put .sops.yaml and team.signers in place; name those that changed."""
        files = self.follow_ups(team)
        return [path.name for path, before, after in files if _write(path, before, after)]

    def follow_ups(self, team: Team) -> Sequence[tuple[Path, str, str]]:
        """Return each file that is made from the team, with its text of now and as it should be."""
        text = self.rules_text()
        listed = signers.file_in(self.root)
        before = read_utf8(listed, authorship.SIGNERS) if listed.is_file() else ""
        return [
            (self.root / rules.FILE, text, creation_rules.generated(text, team)),
            (listed, before, signers.generated(team)),
        ]


def own_keys() -> list[str]:
    """Return the public keys of whoever types, as far as they can be told."""
    identity.demand_private()
    return identity.own_keys()


def _write(path: Path, before: str, after: str) -> bool:
    if before == after and path.is_file():
        return False
    whole_file.write(path, after)
    return True
