"""The files of settings of the new project: its own names, and env files that a deploy reads."""

from collections.abc import Mapping

from slipway import secret_signs
from slipway.environments.env_line import quoted
from slipway.scaffold.importing.old_secrets import SecretRule

HEAD = """\
# The settings and secrets of this project's own services; Slipway brings its own beside them.
#
#   type      text | number | port | switch (on/off) | name | store | binary | one of [a, b]
#   default   used when no env file names it
#   required  true, or the list of environments that must have it
#   secret    true: lives in secrets/<environment>.sops.yaml and nowhere else
#   generate  bytes of randomness `inv secrets.create` fills it with
#   rotate    days after which a secret should have another value; `inv env.check` says when
#   composed  what a secret is made of that stands in no file
#   differs   why it may be another in each environment, for `inv env.diff`
#   help      one line for people

"""


def rules(settings: Mapping[str, str], secrets: Mapping[str, SecretRule]) -> str:
    """Write settings.yml."""
    lines = []
    for name in sorted(settings):
        is_named_so = secret_signs.NAME.search(name)
        plain = ", secret: false" if is_named_so else ""
        lines.append(f'{name}: {{type: text{plain}, help: "From the old project."}}')
    for name, rule in sorted(secrets.items()):
        required = ", required: true" if rule.required and not rule.composed else ""
        generate = f", generate: {rule.generate}" if rule.generate else ""
        composed = f", composed: '{rule.composed}'" if rule.composed else ""
        text = rule.help.replace("\\", "").replace('"', "'")
        lines.append(f'{name}: {{secret: true{required}{generate}{composed}, help: "{text}"}}')
    return HEAD + ("\n".join(lines) or "{}") + "\n"


def common_env(name: str, database: tuple[str, str], settings: Mapping[str, str]) -> str:
    """Write common.env: what the old project had is the same everywhere at first."""
    user, database_name = database
    text = (
        "# Settings that are the same everywhere. An environment's own file wins over this one.\n"
        f"PROJECT={name}\nDATABASE_HOST=db\nDATABASE_PORT=5432\nDATABASE_NAME={database_name}\n"
        f"DATABASE_USER={user}\n"
    )
    lines = [f"{key}={quoted(value)}\n" for key, value in sorted(settings.items())]
    return text + "".join(["# Of the old project:\n", *lines] if lines else [])
