"""Where the published ports of a Swarm of this computer are open: the bridge that carries them."""

from slipway import shell_scripts
from slipway.hosts.host import Host, script

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"  # noqa: S104 - said, and bound where a setting asks
BIND = shell_scripts.read(__file__, "gateway_bind.sh")
ANEW = "docker swarm leave --force, docker network rm docker_gwbridge, and deploy again"


def bind(host: Host, address: str, environment: str) -> str:
    """Have ports open at an address alone; say what to type where a running Swarm has them open
    otherwise, since its bridge cannot be changed.
    """
    bound = script(host, BIND, address, timeout=60).out.strip()
    if bound == address:
        return ""
    where = {LOOPBACK: "to this computer alone", EVERYWHERE: "on all addresses of this computer"}
    setting = "LISTEN=all" if bound == EVERYWHERE else "LISTEN=loopback"
    return (
        f"{environment} is open {where.get(bound, f'at {bound}')}: its Swarm is from before; say "
        f"{setting} in compose/{environment}.env, or inv destroy what runs here, {ANEW}"
    )
