"""Moves an environment over from one role for everything to one for each part of the work.

The database itself makes its roles when it starts with a password for each (compose/db); one that
is elsewhere gets them from its administrator. What is left to do here is to give the environment
those passwords, and to see that they are used.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from slipway.agent.messages.data import QueryRequest
from slipway.client.session import call_once
from slipway.environments.environment import Environment
from slipway.errors import ConfigError, DifferenceFound, Refused, SlipwayError
from slipway.hosts import git
from slipway.plan import Plan, Step
from slipway.progress import Reporter
from slipway.releases import application, deploy, service_secrets
from slipway.releases import commit as commits
from slipway.releases.application import Application
from slipway.releases.commit import Commit
from slipway.secrets import creation, role_passwords, sops

FILES = ("roles", "owners", "grants")  # of compose/db
SHOWN = 20
WHO = "select current_user"
# What does not go over by itself.
STAYS = """
with own as (select objid from pg_depend where deptype = 'e')
select format('the event trigger %s stays a superuser''s', evtname) from pg_event_trigger
union all
select format('the foreign data wrapper %s stays a superuser''s', fdwname)
from pg_foreign_data_wrapper where oid not in (select objid from own)
union all
select format('the publication %s of all tables stays a superuser''s', pubname)
from pg_publication where puballtables
union all
select format('%s runs with the rights of its owner (security definer), who is no superuser then',
              oid::regprocedure) from pg_proc
where prosecdef and oid >= 16384 and oid not in (select objid from own)
union all
select format('the extension %s wants a superuser: name it as trusted in compose/db/Dockerfile',
              extname) from pg_extension e
where not exists (select from pg_available_extension_versions v where v.name = extname and trusted)
union all
select format('the row security of %s counts for the application then', oid::regclass)
from pg_class where relrowsecurity and oid not in (select objid from own)
"""


@dataclass(frozen=True)
class RolesMove:
    """One environment on its way to a role for each part of the work on its database."""

    env: Environment
    reporter: Reporter

    def plan(self) -> Plan:
        """Return the steps that are left. Raises ConfigError, Refused where they could not be."""
        env, app, commit = self.env, application.read(self.env), commits.read()
        demand_ready(env, app, commit)
        file, names = own_file(env), role_passwords.missing(env)
        is_ours = app.named(env.settings["DATABASE_HOST"]) is not None
        where = "its roles" if is_ours else "passwords; its administrator makes the roles"
        steps = [
            Step("secrets", f"add {', '.join(names)} to {file}", self.add_passwords),
            Step("commit", f"commit {file}", self.commit),
            Step("deploy", f"deploy: the database gets {where}, the services log in anew", str),
            Step("look", "see that each part of the work has its role", self.look),
        ]
        left = steps_left(is_missing=bool(names), is_uncommitted=file in commit.changed)
        return Plan(f"give the database of {env.name} roles", [s for s in steps if s.name in left])

    def run(self) -> str:
        """Do what is left, deploy, and see that it is so.

        Raises DifferenceFound where the administrator of a server elsewhere has to do his part.
        """
        steps = self.plan().steps
        Plan("name the roles", steps[:-2]).run(self.reporter)
        deploy.deploy(self.env, self.reporter)
        return self.look()

    # The steps

    def add_passwords(self) -> str:
        names = role_passwords.missing(self.env)
        creation.add(self.env, names)
        return f"{len(names)} added"

    def commit(self) -> str:
        """Commit the one file; a checkout without history has nothing to commit to."""
        env, file = self.env, own_file(self.env)
        if git.why_no_commit():
            return "there is no history"
        message = f"Give the database of {env.name} a password for each role"
        argv = ["git", "commit", "--quiet", f"--message={message}", "--", file]
        git.at().run(argv, timeout=60)
        return message

    def look(self) -> str:
        """Ask as the reader, which says whether the server knows the roles."""
        env, user = self.env, self.env.settings["DATABASE_USER"]
        reply = call_once(env, QueryRequest(sql=WHO), self.reporter)
        who = str(reply.rows[0][0]) if reply.rows else "nobody"
        if who == f"{user}_reader":
            return f"{env.name}: {user} reads and writes rows; the rest of the work has its roles"
        if self._is_ours():
            raise DifferenceFound(
                f"{env.name} still does everything as {who}; the reason is in its log: "
                f"inv logs --env={env.name} --service={env.settings['DATABASE_HOST']}"
            )
        raise DifferenceFound(
            f"the database of {env.name} is elsewhere and knows no roles yet: as its "
            f"administrator, run in {env.settings['DATABASE_NAME']} what "
            f"inv db.roles --env={env.name} --sql prints, then this again"
        )

    # What the steps are made of

    def notes(self) -> list[str]:
        """Say what does not go over by itself, as far as the database can be asked."""
        if not role_passwords.missing(self.env):
            return []
        try:
            rows = call_once(self.env, QueryRequest(sql=STAYS, limit=SHOWN), self.reporter).rows
        except SlipwayError as error:
            return [f"what stays with a superuser is not known: {error}"]
        user = self.env.settings["DATABASE_USER"]
        beyond = (
            f"{user} may then only read and write rows: what it makes or drops, a migration has to"
        )
        return [beyond, *(str(row[0]) for row in rows)]

    def sql(self) -> Iterator[str]:
        """Yield what the administrator of a server elsewhere runs; of passwords only hashes."""
        env = self.env
        if names := role_passwords.missing(env):
            raise Refused(
                f"{own_file(env)} lacks {', '.join(names)}; type first: "
                f"inv db.roles --env={env.name}"
            )
        user = env.settings["DATABASE_USER"]
        yield "SET client_min_messages = warning; SET search_path = pg_catalog;"
        yield _setting("slipway.app", user)
        yield _setting("slipway.password_app", "")  # it keeps its own
        for role, verifier in role_passwords.verifiers(env, sops.read(env)).items():
            yield _setting(f"slipway.password_{role.removeprefix(f'{user}_')}", verifier)
        for name in FILES:
            yield (env.compose / "db" / f"{name}.sql").read_text(encoding="utf-8")

    def _is_ours(self) -> bool:
        """Whether the database is a service of the environment."""
        return application.read(self.env).named(self.env.settings["DATABASE_HOST"]) is not None


def own_file(env: Environment) -> str:
    """Name the file of secrets as git does."""
    return f"secrets/{env.secrets_file.name}"


def steps_left(*, is_missing: bool, is_uncommitted: bool) -> tuple[str, ...]:
    """Name the steps that are not done yet, as after a move that was interrupted."""
    if is_missing:
        return ("secrets", "commit", "deploy", "look")
    return ("commit", "deploy", "look") if is_uncommitted else ("deploy", "look")


def demand_ready(env: Environment, app: Application, commit: Commit) -> None:
    """Refuse what would fail halfway: settings that know no roles, changes not committed."""
    if names := role_passwords.undeclared(env):
        raise ConfigError(
            f"compose/settings.yml does not know {', '.join(names)}; take those lines over "
            "from Slipway's own, with compose/db, compose/ops and the `secrets:` of db, ops "
            "and migrations in the compose file (CHANGELOG.md)"
        )
    if lines := list(_unlisted(app, env.settings["DATABASE_HOST"])):
        raise ConfigError(f"the compose files: {'; '.join(lines)}")
    others = tuple(name for name in commit.changed if name != own_file(env))
    if not env.is_local:
        commits.demand_clean(Commit(commit.sha, others), env.name)


def _unlisted(app: Application, database: str) -> Iterator[str]:
    """Say which services are not given the passwords that they need."""
    for service in app.services:
        if service.name in ("ops", database):
            needed = role_passwords.KEYS
        elif service.name == "migrations":
            needed = (role_passwords.key("migrator"),)
        else:
            continue
        listed = {entry["source"] for entry in service_secrets.entries(service)}
        if names := [key for key in needed if key not in listed]:
            yield f"services.{service.name}.secrets lacks {', '.join(names)}"


def _setting(name: str, value: str) -> str:
    quoted = value.replace("'", "''")
    return f"DO $$ BEGIN PERFORM set_config('{name}', '{quoted}', false); END $$;"
