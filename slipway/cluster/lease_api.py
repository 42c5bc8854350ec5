"""The lease by the engine's API, with the command there is already: what the scripts do, sooner.

Each function raises FAILURES where it could not; then the script of that name does it, which knows
why not. Both may have done a part: each step is safe to repeat.
"""

import contextlib
from collections.abc import Iterable, Mapping

from slipway.cluster import engine_api
from slipway.cluster.engine_api import FAILURES, EngineApi
from slipway.hosts.host import Host


def acquire(manager: Host, app: str, labels: Mapping[str, str]) -> None:
    """Create the lease, which fails where another one is held."""
    with engine_api.dialled(manager) as api:
        stamped = {**labels, "slipway.at": str(api.tell_time())}
        api.create_config(f"{app}.lease", stamped, b"x")


def refresh(manager: Host, app: str, token: str) -> bool:
    """Leave one heartbeat, of now; False where the lease is another's by now."""
    with engine_api.dialled(manager) as api:
        if not _held(api, app, token):
            return False
        earlier = _beats(api, app)
        beat = f"{app}.beat.{token}.{api.now}"
        if beat not in earlier.values():
            api.create_config(beat, {"slipway.app": app, "slipway.beats": app}, b"x")
        _remove(api, [ident for ident, name in earlier.items() if name != beat])
        return True


def release(manager: Host, app: str, token: str) -> None:
    """Remove the lease and its heartbeats, unless it is another's by now."""
    with engine_api.dialled(manager) as api:
        for ident in _held(api, app, token):
            _remove(api, _beats(api, app))
            api.remove("configs", ident)


def _held(api: EngineApi, app: str, token: str) -> list[str]:
    """Return the id of the lease, where it is that of this token."""
    known = api.objects("configs", f"slipway.token={token}")  # that of a canary has it too
    return [each["ID"] for each in known if each["Spec"]["Name"] == f"{app}.lease"]


def _beats(api: EngineApi, app: str) -> dict[str, str]:
    """Map the id of each heartbeat to its name."""
    beats = api.objects("configs", f"slipway.beats={app}")
    return {each["ID"]: each["Spec"]["Name"] for each in beats}


def _remove(api: EngineApi, idents: Iterable[str]) -> None:
    for ident in idents:
        with contextlib.suppress(*FAILURES):  # somebody else was faster
            api.remove("configs", ident)
