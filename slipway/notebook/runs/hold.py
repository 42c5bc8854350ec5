"""An environment kept for one run, from the first thing in it that may change something."""

import contextlib

from slipway.environments.environment import Environment
from slipway.notebook.document import CHECKING, Action, Cell
from slipway.notebook.records.record import Record
from slipway.notebook.runs import lock as claims
from slipway.notebook.runs.interfaces import Display


class Hold:
    """Claims late, so that looking never waits for anybody; leaving the stack gives it back."""

    def __init__(
        self,
        stack: contextlib.ExitStack,
        env: Environment | None,
        record: Record,
        who: str,
        teller: Display,
    ) -> None:
        self._stack = stack
        self._env = env
        self._record = record
        self._who = who
        self._teller = teller
        self._claim: claims.LeaseLock | None = None

    def at(self, action: Action) -> None:
        """Say where the run is; claims before the first action that may change something."""
        if self._env is None:
            return
        if self._claim is not None:
            self._claim.check()
            self._claim.at(action.id)
        elif not only_looks(action):
            self._take(self._env, action)

    def _take(self, env: Environment, action: Action) -> None:
        record = self._record
        name = str(record.begin["runbook"])
        held = claims.claim(env.name, name, record.id, self._who, record.folder.parent)
        self._claim = self._stack.enter_context(held)
        self._claim.at(action.id)
        if note := self._claim.reach(env):
            record.append("note", text=note)
            self._teller.note(note, loud=True)


def only_looks(action: Action) -> bool:
    """Whether an action leaves everything as it is; a step by hand before the start does."""
    return action.is_check if isinstance(action, Cell) else action.section in CHECKING
