"""What the review says of one file, and of files that are released one after the other."""

from slipway.migrations import files, squawk
from slipway.migrations.lint import blocking, lint
from slipway.migrations.review import review
from slipway.migrations.verdict import Risk

DOWN = "\n-- migrate:down\nselect 1;"


def rules(sql: str, option: str = "", *, risk: Risk = Risk.UNSAFE, major: int = 17) -> list[str]:
    text = f"-- migrate:up{option}\n{sql};{DOWN}"
    found = review(files.parse("1_a.sql", text), major)
    return [each.rule for each in found if each.risk is risk]


def last_file(*texts: str, earlier: int = 0, major: int = 17) -> list[str]:
    """What is unsafe of files that are released one by one, without those that ran before."""
    names = {
        f"{number}_a.sql": f"-- migrate:up\n{text};{DOWN}" for number, text in enumerate(texts)
    }
    every = files.from_texts(names)
    found = lint(
        every[earlier:],
        server_major=major,
        squawk=squawk.find(),
        together=False,
        earlier=every[:earlier],
    )
    return [f"{each.filename[0]} {each.rule}" for each in blocking(found)]
