"""Whose an environment on this computer's engine is, where two checkouts carry one name."""

from pathlib import Path

from slipway.errors import Refused

MARK = "compose/common.env"  # without it a folder is no checkout any more: moved, or removed


def refuse_another(what: str, owner: str, root: Path) -> None:
    """Raise Refused where `owner` is another checkout that is still there."""
    if owner and Path(owner).resolve() != root.resolve() and Path(owner, MARK).is_file():
        raise Refused(
            f"{what} belongs to the checkout in {owner}, and this one is in {root.resolve()}: both "
            "have one PROJECT. Give this one another name in compose/common.env, or remove what "
            "the other has there. Nothing was changed"
        )
