"""Which checkout an environment on this computer's engine belongs to: two may carry one name.

Whoever copies a project and forgets PROJECT has two checkouts that mean one environment. The first
that deploys there writes its folder down, next to the releases; any other is refused.
"""

from slipway.cluster import ledger
from slipway.environments import owner
from slipway.environments.environment import Environment
from slipway.errors import CommandFailed
from slipway.hosts.host import Host

LABEL = "slipway.checkout"
# Where no Swarm is yet there is no environment; where no engine answers, whoever needs it says so.
NOBODYS = ("not a swarm manager", "Cannot connect to the Docker daemon")


def refuse_another(host: Host, env: Environment) -> None:
    """Raise Refused where the environment belongs to another checkout of this computer.

    Raises CommandFailed where the engine does not say whose it is.
    """
    owner.refuse_another(env.prefix, _owner(host, env.prefix), env.compose.parent)


def claim(host: Host, env: Environment) -> None:
    """Write down that the environment is this checkout's. Raises Refused where it is another's."""
    name, folder = _name(env.prefix), env.compose.parent.resolve()
    argv = ledger.create(name, {"slipway.app": env.prefix, LABEL: str(folder)})
    for _ in range(2):
        if host.run(argv, stdin=b"x", timeout=20, check=False).code == 0:
            return
        refuse_another(host, env)
        if _owner(host, env.prefix) == str(folder):
            return
        host.run(
            ["docker", "config", "rm", name], timeout=20, check=False
        )  # of a folder that is gone
    host.run(argv, stdin=b"x", timeout=20)


def _owner(host: Host, app: str) -> str:
    form = f'{{{{.Name}}}}\t{{{{.Label "{LABEL}"}}}}'
    argv = ["docker", "config", "ls", "--filter", f"name={_name(app)}", "--format", form]
    try:
        result = host.run(argv, timeout=20, check=False)
    except CommandFailed:
        return ""  # there is no docker; whoever needs it says so
    if result.code != 0 and not any(words in result.err for words in NOBODYS):
        result.check()  # whose it is stays unknown
    lines = (line.partition("\t") for line in result.out.splitlines())
    return next((folder for name, _, folder in lines if name == _name(app)), "")


def _name(app: str) -> str:
    return f"{app}.checkout"
