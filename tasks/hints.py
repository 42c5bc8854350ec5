"""What to type next, with the environment that was typed: without one `inv db.*` is the loop's."""

import re

# A command for the database in a sentence; it ends where another word of the sentence may begin.
HINT = re.compile(r"\binv ((?:db|lease)\.[a-z-]+)(?![^`;,()\n]*--env)")


def with_environment(text: str, env: str) -> str:
    """Name the environment in each command for a database or a lease that a text advises."""
    return HINT.sub(lambda hint: f"{hint[0]} --env={env}", text)
