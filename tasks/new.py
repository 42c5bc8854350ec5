"""A project of one's own, made from the kit."""

from .command import command


@command(
    runbook="move-in",
    docker=False,
    help={
        "to": "Folder of the new project; it must not exist, or be empty.",
        "name": "What it is called: small letters, digits, dashes. The folder's name by default.",
        "from_": "The compose file of an application to take over; nothing of it is changed.",
        "domain": "The name prod answers to, shop.example.com; it gets a certificate by itself.",
        "forge": "Where it will live: github, gitlab or none.",
        "set": "An answer, --set database=17; repeat it for more. Others are asked.",
        "yes": "Ask nothing: what is not answered has its default.",
        "plan": "Show what would be made, and make nothing.",
    },
    choices={"forge": ["github", "gitlab", "none"]},
    iterable=["set"],
)
def new(
    *,
    to: str,
    name: str = "",
    from_: str = "",
    domain: str = "",
    forge: str = "github",
    set: list[str] = [],  # noqa: B006  Invoke's way to say that a flag may come again
    yes: bool = False,
    plan: bool = False,
) -> None:
    """Make a project: what runs, secrets, runbooks, tests and CI, with Slipway in it.

    Examples:
      inv new --to=../shop
      inv new --to=../shop --from=../old/docker-compose.yml --domain=shop.example.com
    """
    import os
    from functools import partial
    from pathlib import Path

    from slipway.scaffold import answers, create
    from slipway.scaffold.importing.conversion import convert
    from slipway.show import conversions, plans, writer

    folder = Path(os.path.abspath(Path(to).expanduser()))  # noqa: PTH100  as one would type it
    project = create.NewProject(folder, create.answers(name or folder.name.lower(), domain, forge))
    create.check_place(folder)
    if from_:
        answered = answers.pairs(set)
        read = partial(convert, Path(from_), name=project.answers.name, domain=domain)
        conversion = read(answers=answered)
        if not yes and (more := conversions.ask(conversion.questions, answered)):
            answered |= more
            conversion = read(answers=answered)
        conversions.show(conversion, answered)
        project.take(conversion)
    if plan:
        plans.preview(project.plan())
        return
    plans.follow(project.plan())
    writer.say(f"cd {folder} && ./inv deploy --env=dev")
