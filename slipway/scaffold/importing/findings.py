"""What reading an old project ends with beside files: what is asked, decided and refused."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

from slipway.errors import UsageError
from slipway.scaffold.importing.old_project import OldProject
from slipway.secrets.secret import Secret

ABOUT = re.compile(r"(?P<place>\S+:\d+: )?(?P<name>[\w.-]+): (?P<rest>.+)", re.DOTALL)
MOST_NAMES = 5
Role = Literal["colour", "data", "job", "edge", "accessory", "dropped"]


@dataclass(frozen=True)
class ConvertedService:
    """A service of the old project, its part in the new one, and one line that says why."""

    name: str
    role: Role
    reason: str


@dataclass(frozen=True)
class Question:
    """What the old files do not say; the default makes a project that works."""

    key: str
    text: str
    choices: tuple[str, ...]  # empty: any answer
    default: str


@dataclass(frozen=True)
class Problem:
    """What cannot be taken as it is: where it stands, and what to write."""

    file: Path
    line: int
    text: str
    is_fatal: bool = False

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass
class Draft:
    """A new project while it is being made of an old one."""

    project: OldProject
    name: str
    domain: str
    answers: Mapping[str, str]
    files: dict[str, str] = field(default_factory=dict)
    folders: dict[str, Path] = field(default_factory=dict)
    settings: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    questions: list[Question] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    leftovers: list[Path] = field(default_factory=list)

    def gather(self) -> None:
        """Say once what is the same of several services."""
        texts = _gathered([problem.text for problem in self.problems])
        self.problems = [
            replace(problem, text=text)
            for problem, text in zip(self.problems, texts, strict=True)
            if text
        ]
        self.notes = [text for text in _gathered(self.notes) if text]

    def ask(self, key: str, text: str, default: str, choices: tuple[str, ...] = ()) -> str:
        """Return the answer to a question, or its default."""
        if key not in (question.key for question in self.questions):
            self.questions.append(Question(key, text, choices, default))
        answer = self.answers.get(key) or default
        if choices and answer not in choices:
            raise UsageError(f"{key}: {answer[:60]!a} is none of {', '.join(choices)}")
        return answer

    def note(self, text: str, *keys: str) -> None:
        """Keep what was decided and why, with where its cause stands."""
        line = f"{self.project.place(*keys)}: {text}" if keys else text
        if line not in self.notes:
            self.notes.append(line)

    def refuse(self, text: str, *keys: str, is_fatal: bool = False) -> None:
        """Keep what cannot be taken, with what to write instead."""
        path, line = self.project.line(*keys)
        problem = Problem(Path(self.project.shown(path)), line, text, is_fatal)
        if problem not in self.problems:
            self.problems.append(problem)


def _gathered(texts: Sequence[str]) -> list[str]:
    """Put names of services before what is said of all of them; the later ones become nothing."""
    places: dict[str, list[int]] = {}
    matches = [ABOUT.match(text) for text in texts]
    for number, match in enumerate(matches):
        places.setdefault(match["rest"] if match else texts[number], []).append(number)
    gathered = list(texts)
    for rest, numbers in places.items():
        about = [match for match in (matches[number] for number in numbers) if match]
        if len(about) > 1:
            names = list(dict.fromkeys(match["name"] for match in about))
            more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
            words = f"{', '.join(names[:MOST_NAMES])}{more}: {rest}"
            gathered[numbers[0]] = f"{about[0]['place'] or ''}{words}"
            for number in numbers[1:]:
                gathered[number] = ""
    return gathered
