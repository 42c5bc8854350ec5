"""The answer to a question to a database: a table for people, JSON for programs."""

import json

from slipway.agent.messages.data import QueryReply
from slipway.show import table
from slipway.show.writer import tell


def show(reply: QueryReply, *, limit: int, as_json: bool) -> None:
    """Print rows; that there were more is said beside them."""
    columns = list(reply.columns)
    rows = [dict(zip(columns, row, strict=True)) for row in reply.rows]
    if as_json:
        table.document(rows)
    elif rows:
        table.rows(columns, [{key: _cell(value) for key, value in row.items()} for row in rows])
    else:
        tell("no rows")
    if reply.more:
        tell(f"there are more than {limit} rows; --limit shows more of them")


def _cell(value: object) -> object:
    """Write a nested value on one line, as JSON does."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else value
