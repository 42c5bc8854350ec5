"""Runbooks: read, checked, run cell by cell with a transcript, looked back at."""

from typing import TYPE_CHECKING

from .command import command

if TYPE_CHECKING:
    from slipway.environments.environment import Environment

NAME = "The runbook: the name of its file in runbooks/ without .md, or a path to any Markdown file."
RUN = "A run, as inv runbook.history names it; the newest by default."


@command(
    runbook="runbooks",
    help={
        "name": NAME,
        "set": "A parameter of the runbook, --set release=3; repeat it for more.",
        "from_": "Start at this cell; the cells before it are skipped, which the record says.",
        "only": "Run this cell alone.",
        "section": "Run this section alone, like roll-back.",
        "resume": "Resume the unfinished run; --resume=RUN where there are several.",
        "dry_run": "Show each cell with its parameters, ask nothing, run nothing.",
        "checks_only": "Run only the checks.",
        "yes": "Answer yes at every confirmation that destroys nothing.",
        "yes_destroy": "The environment's name, for cells that destroy.",
        "manual_done": "Every step that is done by hand has been done.",
        "debug": "Show how each cell is started; secrets stay masked.",
    },
    iterable=["set"],
    optional=["resume"],
    suggestions={"name": "runbooks", "resume": "runs"},
    docker=False,  # the commands in its cells report that themselves
)
def run(
    env: "Environment | None" = None,
    *,
    name: str = "",
    set: list[str] = [],  # noqa: B006  Invoke's way to say that a flag may come again
    from_: str = "",
    only: str = "",
    section: str = "",
    resume: str = "",
    dry_run: bool = False,
    checks_only: bool = False,
    yes: bool = False,
    yes_destroy: str = "",
    manual_done: bool = False,
    debug: bool = False,
) -> None:
    """Run a runbook cell by cell: each is shown, confirmed, recorded; a failed run can be resumed.

    Examples:
      inv runbook.run --name=deploy --env=staging
      inv runbook.run --name=deploy --env=staging --dry-run
      inv runbook.run --resume
    """
    from invoke.exceptions import Exit

    from slipway.notebook.runs import resume as runs_resume
    from slipway.notebook.runs import start
    from slipway.notebook.runs.interfaces import Interfaces
    from slipway.notebook.runs.options import Mode, RunOptions
    from slipway.show.prompts import TerminalPrompter
    from slipway.show.runbook_run import RunDisplay

    from .command_index import project_commands

    options = RunOptions(from_, only, section, checks_only, dry_run, yes, yes_destroy, manual_done)
    display = RunDisplay()
    interfaces = Interfaces(
        TerminalPrompter(),
        display,
        project_commands(),
        Mode.detect(),
        debug=display.debug if debug else None,
    )
    if resume:
        run = resume if isinstance(resume, str) else ""
        code = runs_resume.resume(run, name, env, set, options, interfaces)
    else:
        code = start.start(name, env, set, options, interfaces)
    if code:
        raise Exit(code=code)


@command(
    runbook="runbooks",
    help={
        "name": "Check this runbook alone; all by default.",
        "folder": "Check this folder and all below it, in place of runbooks/ and the documents.",
        "json": "Print JSON.",
    },
    suggestions={"name": "runbooks"},
)
def check(*, name: str = "", folder: str = "", json: bool = False) -> None:
    """Check runbooks against the real commands, links, headings and shell; exit 2 on an error.

    Examples:
      inv runbook.check
      inv runbook.check --folder=../alerts
    """
    import datetime

    from invoke.exceptions import Exit

    from slipway.notebook.checking import check as checks
    from slipway.notebook.checking.selection import select
    from slipway.notebook.records import history
    from slipway.show import problems as show_problems

    from .command_index import project_commands

    files, commands = select(name, folder), project_commands()
    problems = checks.check(
        files.runbooks,
        commands,
        today=datetime.date.today(),
        last_runs=history.dates(),
        documents=files.documents,
    )
    problems = sorted([*problems, *checks.check_others(files.others, commands, files.top)])
    show_problems.show(problems, len(files), as_json=json)
    if any(problem.severity == "error" for problem in problems):
        raise Exit(code=2)


@command(name="list", runbook="runbooks", help={"json": "Print JSON."})
def list_(*, json: bool = False) -> None:
    """List the runbooks: what each is for, when it last ran, how that ended, how long it took.

    Example: inv runbook.list
    """
    from slipway.notebook.reading import titles
    from slipway.notebook.records import history
    from slipway.show import runs

    runs.show_titles(titles.read_titles(), history.last_runs(history.runs()), as_json=json)


@command(
    runbook="runbooks",
    help={"name": NAME, "run": RUN},
    suggestions={"name": "runbooks", "run": "runs"},
)
def show(*, name: str = "", run: str = "") -> None:
    """Read a runbook in the terminal, or with --run the transcript of a run.

    Examples:
      inv runbook.show --name=deploy
      inv runbook.show --run=20261122T193000Z-deploy-staging-anna
    """
    from slipway.errors import UsageError

    if name and run:
        raise UsageError("--name shows a runbook, --run the transcript of a run: take one of them")
    if name:
        from slipway.notebook.reading import collection, parse
        from slipway.show import reading

        path = collection.find(name)
        reading.show(parse.read(path, native=collection.has_house_style(path))[0])
        return
    from slipway.notebook.records import history as past
    from slipway.show import transcripts

    transcripts.show(past.find(run).folder)


@command(
    runbook="runbooks",
    help={
        "name": "Only runs of this runbook.",
        "json": "Print JSON.",
    },
    suggestions={"name": "runbooks"},
    docker=False,
)
def history(env: "Environment | None" = None, *, name: str = "", json: bool = False) -> None:
    """List past runs: when, who, where, how they ended, how long they took.

    Example: inv runbook.history --env=prod
    """
    from slipway.notebook.records import history as past
    from slipway.show import runs

    store = past.read_store()
    summaries = past.select(store.runs, env.name if env else None, name)
    hide = [column for column, filter in (("env", env), ("runbook", name)) if filter]
    runs.show_history(store, summaries, hide=hide, as_json=json)


@command(
    runbook="runbooks",
    help={
        "run": RUN,
        "html": "One HTML page that needs nothing else, in place of Markdown.",
        "to": "The file to write; the run's name in this folder by default, - for stdout.",
    },
    suggestions={"run": "runs"},
)
def export(*, run: str = "", html: bool = False, to: str = "") -> None:
    """Write the transcript of a run to a file that can be shared; secrets are masked in it.

    Example: inv runbook.export --html --to=deploy.html
    """
    from slipway.notebook.records import history as past
    from slipway.show import transcripts

    transcripts.export_to(past.find(run).folder, to, html=html)


@command(
    runbook="runbooks",
    help={
        "name": "What the file will be called, like rotate-keys.",
        "task": "The task it is about, like deploy; its parameters become the runbook's.",
    },
    suggestions={"task": "tasks"},
)
def new(*, name: str, task: str = "") -> None:
    """Start a runbook from the template, with every section a person needs at night.

    Example: inv runbook.new --name=rotate-keys --task=deploy
    """
    from slipway.notebook import problem
    from slipway.notebook.reading import template
    from slipway.show.writer import say

    from .command_index import project_commands

    path = template.write(name, task, project_commands())
    say(f"{problem.where(path)} is created: fill in the text in italics, then")
    say(f"  inv runbook.check --name={name}")
    say(f"  inv runbook.run --name={name} --dry-run")
