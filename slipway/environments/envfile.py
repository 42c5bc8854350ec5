"""Env files: the plain settings, read strictly so that a typing error is never a silent default."""

from pathlib import Path

from slipway.errors import ConfigError


def read(path: Path) -> dict[str, str]:
    """Read `KEY=value` lines. Raises ConfigError with file and line for anything unclear."""
    from dotenv.parser import parse_stream

    values: dict[str, str] = {}
    lines: dict[str, int] = {}
    try:
        stream = path.open(encoding="utf-8", newline="")
    except FileNotFoundError:
        raise ConfigError(f"{_short(path)} is missing") from None
    with stream:
        try:
            bindings = list(parse_stream(stream))
        except UnicodeDecodeError as error:
            raise ConfigError(f"{_short(path)}: byte {error.start} is not UTF-8") from None
    for binding in bindings:
        where = f"{_short(path)}:{binding.original.line}"
        if binding.error or (binding.key is not None and binding.value is None):
            raise ConfigError(f"{where}: expected KEY=value")
        if binding.key is None or binding.value is None:
            continue
        if binding.key in values:
            raise ConfigError(
                f"{where}: {binding.key} was already set in line {lines[binding.key]}"
            )
        if "$" in binding.value and not _is_single_quoted(binding.original.string):
            raise ConfigError(
                f"{where}: Compose would fill in what follows the $ of {binding.key}; "
                "put the value into single quotes"
            )
        values[binding.key] = binding.value
        lines[binding.key] = binding.original.line
    return values


def _is_single_quoted(line: str) -> bool:
    return line.partition("=")[2].lstrip().startswith("'")


def _short(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"
