"""One line of an env file, written so that Compose and Slipway read the same."""


def quoted(value: str) -> str:
    """Write a value so that Compose and Slipway read the same."""
    is_plain = value and not set(value) & set("$#'\"\\ \t`!&()") and value == value.strip()
    return value if is_plain else f"'{value}'"


def is_writable(value: str) -> bool:
    """Whether an env file can hold a value at all."""
    return value.isprintable() and not set(value) & set("'\\")
