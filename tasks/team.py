"""The team: who reads the secrets of which environment and enters its machines; who has left."""

from typing import TYPE_CHECKING

from .command import Choices, command, environments

if TYPE_CHECKING:
    from slipway.plan import Plan

NAME = "Whose entry it is: ada, ci-prod, break-glass."
PLAN = "Show the steps; change nothing."
ROLES = ("operator", "reader", "ci", "break-glass")


@command(runbook="joining", docker=False)
def start() -> None:
    """Make team.yml of what .sops.yaml holds today; nobody comes and nobody goes.

    Example: inv team.start
    """
    from slipway.show import writer
    from slipway.team import apply
    from slipway.team.project import Project

    team = Project().begin()
    writer.say(f"team.yml has {apply.names(team.members)}; give them their names, and add SSH keys")
    writer.say("next: inv team.check, then commit team.yml, team.signers and .sops.yaml")


@command(
    runbook="joining",
    docker=False,
    help={"to": "Another file for a key that is not yours: break-glass, CI; not in this folder."},
)
def keygen(*, to: str = "") -> None:
    """Make your age key, and print its public half, which somebody of the team adds.

    A key that is there is kept; the private half is shown to nobody.

    Examples:
      inv team.keygen
      inv team.keygen --to=/media/usb/break-glass.txt
    """
    from pathlib import Path

    from slipway.secrets import creation
    from slipway.show import writer

    public = creation.make_key(Path(to)) if to else creation.public_key()
    writer.say(public)
    writer.tell(
        "somebody of the team types, once you have told them these letters in person: "
        f"inv team.add --name=NAME --environments=staging --age={public}"
    )


@command(
    runbook="joining",
    docker=False,
    choices={"environments": Choices(environments), "role": ROLES},
    help={
        "name": NAME,
        "environments": "Which ones, with commas.",
        "age": "Their public age key, age1..., or an ssh-ed25519 key that is to open secrets.",
        "ssh": "Their public SSH key, one line in quotes, which opens machines.",
        "role": "operator (by default), reader (secrets alone), ci, break-glass (a key in a safe).",
        "until": "The last day, as 2027-06-30.",
        "plan": PLAN,
    },
)
def add(
    *,
    name: str,
    environments: str = "",
    age: str = "",
    ssh: str = "",
    role: str = "",
    until: str = "",
    plan: bool = False,
) -> None:
    """Let somebody in: team.yml, .sops.yaml, the files of secrets, the machines.

    Examples:
      inv team.add --name=bob --environments=staging --age=age1... --ssh="ssh-ed25519 AAAA... bob"
      inv team.add --name=bob --environments=prod
      inv team.add --name=ci-prod --role=ci --environments=prod --age=age1... --until=2027-06-30
    """
    from datetime import date

    from slipway.team import departures, entries
    from slipway.team.apply import Applying
    from slipway.team.member import Member
    from slipway.team.project import Project, own_keys

    entries.demand_public([age, ssh, name])
    project = Project()
    before, names = project.team(), tuple(each for each in environments.split(",") if each)
    day, keys = entries.parse_until(until, date.today()), (ssh,) if ssh else ()
    known = entries.parse_role(role, before.find(name))
    member = Member(name, names, known, age, keys, day)
    entries.demand_new_keys(member, before, departures.read(project.root))
    applying = Applying(project, before, entries.add(before, member, project.environments))
    applying.demand_safe(own_keys())
    _run(applying.plan(f"{name} joins"), plan, applying.problems, f"Let {name} in")


@command(runbook="joining", docker=False, help={"plan": PLAN})
def apply(*, plan: bool = False) -> None:
    """Make all follow team.yml after an edit by hand: rules, files of secrets, keys on machines.

    Example: inv team.apply --plan
    """
    from datetime import date

    from slipway.team import apply as applying
    from slipway.team.project import Project, own_keys

    change = applying.begin(Project(), date.today())
    change.demand_safe(own_keys())
    _run(change.plan("all follows team.yml"), plan, change.problems, "Follow team.yml")


@command(name="list", runbook="joining", docker=False, help={"json": "Print JSON, keys complete."})
def list_(*, json: bool = False) -> None:
    """List the team: roles, environments, keys, until when.

    Example: inv team.list
    """
    from slipway.show import team as shown
    from slipway.team.project import Project

    shown.show_members(Project().team(), as_json=json)


@command(
    runbook="leaving",
    docker=False,
    help={"json": "Print JSON.", "offline": "Do not ask the machines."},
)
def check(*, json: bool = False, offline: bool = False) -> None:
    """Say what differs from team.yml: rules, files, machines, expired people, values to rotate.

    Exits with 5 while anything differs.

    Example: inv team.check
    """
    from datetime import date

    from slipway.errors import DifferenceFound
    from slipway.show import team as shown
    from slipway.team import check as checking
    from slipway.team.project import Project

    differences = checking.differences(Project(), date.today(), machines=not offline)
    shown.show_differences(differences, as_json=json)
    if differences:
        raise DifferenceFound("not all is as team.yml has it")


@command(
    runbook="leaving",
    docker=False,
    suggestions={"name": "members"},
    help={"name": NAME, "yes": "The name once more, where no prompt is possible.", "plan": PLAN},
)
def remove(*, name: str, yes: str = "", plan: bool = False) -> None:
    """Somebody leaves: no key of theirs opens anything new. Typed again, it continues.

    What they have read they have read: it ends with the values to rotate.

    Examples:
      inv team.remove --name=bob --plan
      inv team.remove --name=bob
    """
    from datetime import date

    from slipway.show import confirm
    from slipway.show import team as shown
    from slipway.team import check as checking
    from slipway.team import removal
    from slipway.team.project import Project, own_keys

    project = Project()
    leaving = removal.begin(project, name, date.today())
    leaving.applying.demand_safe(own_keys())
    if not plan:
        confirm.by_name(None, "remove person", f"remove {name}", yes, person=name)
    _run(leaving.plan(), plan, leaving.applying.problems, f"Let {name} go")
    if not plan:
        shown.show_left(name, checking.values_left(project, name))


def _run(steps: "Plan", plan: bool, problems: list[str], message: str) -> None:
    from slipway.show import plans, writer

    if plan:
        return plans.preview(steps)
    plans.follow(steps)
    for problem in problems:
        writer.tell(f"! {problem}")
    files = "team.yml team.signers .sops.yaml secrets"
    writer.say(f"commit it: git add {files} && git commit --message='{message}'")
    return None
