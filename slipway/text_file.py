"""Text files of the project, read as UTF-8."""

from pathlib import Path

from slipway.errors import ConfigError


def read_utf8(path: Path, name: str = "") -> str:
    """Read a file that a person edits. Raises ConfigError, which calls it `name`."""
    name = name or path.name
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{name}: byte {error.start + 1} is not UTF-8; save it as UTF-8"
        ) from None
    except OSError as error:
        raise ConfigError(f"{name}: cannot be read: {error.strerror}") from None
