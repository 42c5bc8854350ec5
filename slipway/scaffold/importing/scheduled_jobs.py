"""The jobs by a schedule of the old project, as services of the new one."""

import copy
from collections.abc import Iterator

from slipway.scaffold.importing import deck_chores, places, schedules
from slipway.scaffold.importing.assembly import Assembly
from slipway.scaffold.importing.classification import CRON, OldService, words
from slipway.scaffold.importing.migration_job import NOT_OF_A_JOB
from slipway.scaffold.importing.new_service import NewService
from slipway.scaffold.importing.schedules import ScheduledJob

SCHEDULE = "slipway.schedule"
NOTES = ("crontab", "crontab.txt", "README.md", "README", "docs/deploy.md", "DEPLOY.md")


def add(assembly: Assembly) -> None:
    """Add a job for each entry of a schedule; who only ran cron is left out."""
    for job in (*schedules.labelled(assembly.old), *deck_chores.labelled(assembly.old)):
        _add(job, assembly, ("services", job.service, "labels"))
    noted = list(_notes(assembly))
    for service in assembly.kept():
        if service.role == "job" and not service.migrates:
            _schedule(service, schedules.by_hand(service, noted), assembly)
        jobs = schedules.in_crontabs(service)
        for job in jobs:
            _add(job, assembly, ("services", service.name, "command"))
        if jobs:
            _leave_out(service, assembly)
        elif service.role == "colour" and CRON.search(words(service.spec)):
            text = (
                f"{service.name}: runs cron, and in both colours while a deploy "
                "lasts; write each entry as a service with slipway.role: job "
                'and slipway.schedule: "15 3 * * *"'
            )
            assembly.draft.refuse(text, "services", service.name, "command")


def _add(job: ScheduledJob, assembly: Assembly, where: tuple[str, ...]) -> None:
    new = assembly.named(job.service)
    if new is None:
        text = f"{job.name}: its job is of a service that is not in the new project; left out"
        assembly.draft.refuse(text, *where)
        return
    schedule = job.schedule
    if not schedule:
        text = (
            f"When does {job.name} run? {job.written or 'No schedule'} is nothing that cron knows"
        )
        schedule = assembly.draft.ask(f"schedule.{job.name}", text, "0 3 * * *")
    spec = {k: v for k, v in copy.deepcopy(new.spec).items() if k not in NOT_OF_A_JOB}
    spec |= {"command": list(job.command), "profiles": ["jobs"]}
    labels = {SCHEDULE: schedule}
    if variables := new.labels.get("slipway.secret-variables"):
        labels["slipway.secret-variables"] = variables
    reason = f"runs by a schedule ({job.written}, UTC here) in the image of {new.name}"
    networks = {key: list[str]() for key in new.networks if key != "edge"}
    name = job.name if assembly.named(job.name) is None else f"{new.name}-{job.name}"
    assembly.services.append(NewService(name, reason, "job", labels, spec, networks))
    assembly.draft.note(f"{name}: is a job with the schedule {schedule}, in UTC", *where)


def _schedule(service: OldService, written: str, assembly: Assembly) -> None:
    """Give a job the times at which a crontab of the server started it."""
    new, schedule = assembly.named(service.name), schedules.five_fields(written)
    if new is not None and schedule:
        new.labels[SCHEDULE] = schedule
        text = (
            f"{service.name}: has the schedule {schedule}, in UTC, as a "
            "crontab that is noted there says"
        )
        assembly.draft.note(text, "services", service.name)


def _notes(assembly: Assembly) -> Iterator[str]:
    """Yield where people write down what cron does on the server."""
    project = assembly.draft.project
    for path in (*project.files, *(project.folder / name for name in NOTES)):
        if path.is_file():
            yield path.read_bytes()[: places.LARGEST].decode(errors="replace")


def _leave_out(service: OldService, assembly: Assembly) -> None:
    name = assembly.names[service.name]
    assembly.services[:] = [each for each in assembly.services if each.name != name]
    text = f"{service.name}: only started jobs by a crontab, which are jobs of their own now"
    assembly.draft.note(text, "services", service.name)
