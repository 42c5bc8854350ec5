"""Whose the hacking loop of a name is: its containers say it, and a volume when they are gone.

Containers alone would not do: after `inv down` the database stays, and another checkout of the same
name would begin on it.
"""

from pathlib import Path

from slipway.environments import owner
from slipway.hosts.host import Host

PROJECT = "com.docker.compose.project"
SERVICE = "com.docker.compose.service"
FOLDER = "com.docker.compose.project.working_dir"
LABEL = "slipway.checkout"


def claim(host: Host, project: str, root: Path) -> None:
    """Write down that the loop is this checkout's. Raises Refused where it is another's."""
    refuse_another(host, project, root)
    labels = {PROJECT: project, LABEL: str(root.resolve())}
    flags = [word for each in labels.items() for word in ("--label", "=".join(each))]
    create = ["docker", "volume", "create", *flags, _volume(project)]
    host.run(create, timeout=20)  # one that is there stays as it is
    if _marked(host, project) != str(root.resolve()):
        refuse_another(host, project, root)
        release(host, project)  # of a folder that is gone
        host.run(create, timeout=20)


def refuse_another(host: Host, project: str, root: Path) -> None:
    """Raise Refused where the loop is another checkout's; Compose would replace it."""
    argv = ["docker", "ps", "--all", "--filter", f"label={PROJECT}={project}"]
    argv += ["--format", f'{{{{.Label "{FOLDER}"}}}}']
    folders = {
        str(Path(each).parent) for each in host.run(argv, timeout=20).out.splitlines() if each
    }
    for folder in sorted({*folders, _marked(host, project)}):
        owner.refuse_another(f"the hacking loop of {project}", folder, root)


def release(host: Host, project: str) -> None:
    """Leave the name to whoever takes it."""
    host.run(["docker", "volume", "rm", _volume(project)], timeout=20, check=False)


def _marked(host: Host, project: str) -> str:
    form = f'{{{{index .Labels "{LABEL}"}}}}'
    argv = ["docker", "volume", "inspect", "--format", form, _volume(project)]
    result = host.run(argv, timeout=20, check=False)
    return result.out.strip() if result.code == 0 else ""


def _volume(project: str) -> str:
    return f"{project}_checkout"
