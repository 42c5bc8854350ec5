"""A project of one's own, made from the kit."""

from .command import command


@command(
    runbook="move-in",
    docker=False,
    help={
        "to": "Folder of the new project; it must not exist, or be empty.",
        "name": "What it is called: small letters, digits, dashes. The folder's name by default.",
        "domain": "The name prod answers to, shop.example.com; it gets a certificate by itself.",
        "forge": "Where it will live: github, gitlab or none.",
        "plan": "Show what would be made, and make nothing.",
    },
    choices={"forge": ["github", "gitlab", "none"]},
)
def new(
    *, to: str, name: str = "", domain: str = "", forge: str = "github", plan: bool = False
) -> None:
    """Make a project: what runs, secrets, runbooks, tests and CI, with Slipway in it.

    Examples:
      inv new --to=../shop
      inv new --to=../shop --domain=shop.example.com --forge=gitlab
    """
    from pathlib import Path

    from slipway.scaffold import create
    from slipway.show import plans, writer

    folder = Path(to).expanduser().absolute()
    project = create.NewProject(folder, create.answers(name or folder.name.lower(), domain, forge))
    if plan:
        plans.preview(project.plan())
        return
    plans.follow(project.plan())
    writer.say(f"cd {folder} && ./inv deploy --env=dev")
