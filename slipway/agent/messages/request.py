"""What every request and every reply has, and the steps that a change would take."""

import typing
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Generic, Protocol, TypeVar

from slipway.plan import Plan


class Reply(Protocol):
    """What comes back; `summary` is the line of it that a log keeps."""

    @property
    def summary(self) -> str: ...


R_co = TypeVar("R_co", bound=Reply, covariant=True)


class Request(Generic[R_co]):
    """What the agent is asked to do; `verb` names it on the wire, `R_co` is the reply to it."""

    verb: ClassVar[str]


@dataclass(frozen=True)
class PlannedStep:
    """One step of a change, as a plan shows it."""

    name: str
    describe: str

    @classmethod
    def of(cls, plan: Plan) -> "tuple[PlannedStep, ...]":
        """Describe the steps of a plan."""
        return tuple(cls(step.name, step.describe) for step in plan.steps)


@dataclass(frozen=True)
class ChangePlan:
    """What a change would do; nothing has been changed."""

    steps: tuple[PlannedStep, ...]
    notes: tuple[str, ...]
    summary: str

    @classmethod
    def of(cls, plan: Plan, notes: Sequence[str]) -> "ChangePlan":
        """Describe a plan."""
        return cls(PlannedStep.of(plan), tuple(notes), f"it would {plan.title}")


def reply_to(kind: type[Request[R_co]]) -> type[R_co]:
    """Return the type of the reply to a request; of several, their union."""
    for base in kind.__orig_bases__:  # type: ignore[attr-defined]
        if typing.get_origin(base) is Request:
            reply: type[R_co] = typing.get_args(base)[0]
            return reply
    raise TypeError(f"{kind.__name__} names no reply")
