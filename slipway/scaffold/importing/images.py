"""Build folders of the new project: those of the old one, and those that hold what was mounted."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from slipway.scaffold.importing.classification import OldService
from slipway.scaffold.importing.findings import Draft
from slipway.scaffold.importing.mounts import OldMount
from slipway.scaffold.importing.old_project import services

TAKEN = ("api-kit", "db", "edge", "migrations", "ops", "seed", "static", "tests")
COPIES = re.compile(r"^\s*(?:COPY|ADD)\s+(?!--from)", re.MULTILINE | re.IGNORECASE)
OWN = "files"  # where texts lie that were mounted


@dataclass
class Images:
    """Chooses folders below compose/ for builds; a context that several have is copied once."""

    draft: Draft
    folders: dict[Path, str] = field(default_factory=dict)  # context -> folder

    def folder(self, context: Path, service: str) -> str:
        """Return the folder here of an old build context."""
        if context not in self.folders:
            users = [
                s for s in services(self.draft.project.released).values() if _context(s) == context
            ]
            is_root = context == self.draft.project.folder
            own = "app" if len(users) > 1 else service
            choice = own if is_root else re.sub(r"[^\w.-]", "-", context.name).lower() or service
            while choice in TAKEN or choice in self.folders.values():
                choice = f"{service}-app" if choice == service else service
            self.folders[context] = choice
            self.draft.folders[f"compose/{choice}"] = context
        return self.folders[context]

    def inside(self, path: Path) -> str:
        """Return where a path of the old project lies now, seen from compose/; "" for nowhere."""
        contexts = [each for each in self.folders if path == each or path.is_relative_to(each)]
        if not contexts:
            return ""
        context = max(contexts, key=lambda each: len(each.parts))
        below = path.relative_to(context)
        return (
            f"./{self.folders[context]}"
            if str(below) == "."
            else f"./{self.folders[context]}/{below}"
        )

    def build(self, service: OldService, options: Mapping[str, Any]) -> dict[str, Any]:
        """Describe the build of a service in its new folder."""
        build = service.spec["build"]
        context = Path(build.get("context") or self.draft.project.folder)
        folder = self.folder(context, service.name)
        dockerfile = str(build.get("dockerfile") or "Dockerfile")
        where = ("services", service.name, "build")
        if dockerfile.startswith(("..", "/")):
            text = (
                f"{service.name}: its {dockerfile} lies outside of the folder that "
                "is built; move it there"
            )
            self.draft.refuse(text, *where)
        elif not (context / dockerfile).is_file():
            self.draft.refuse(
                f"{service.name}: there is no {dockerfile} in {folder}/; write one", *where
            )
        elif not COPIES.search((context / dockerfile).read_bytes().decode(errors="replace")):
            self.draft.refuse(
                (
                    f"{service.name}: its {dockerfile} copies nothing, and a deploy "
                    "mounts no code; write COPY . . into it"
                ),
                *where,
            )
        described: dict[str, Any] = {"context": f"./{folder}"}
        if others := options.get("additional_contexts"):
            options = {**options, "additional_contexts": self._others(others)}
        if dockerfile != "Dockerfile":
            described["dockerfile"] = dockerfile
        return described | dict(options)

    def _others(self, contexts: Mapping[str, str]) -> dict[str, str]:
        """Return where further folders of a build lie now; an image or an address stays."""
        paths = {name: Path(where) for name, where in contexts.items() if "://" not in where}
        here = {name: f"./{self.folder(path, name)}" for name, path in paths.items()}
        return {**contexts, **here}

    def with_texts(
        self, service: str, base: str, copied: Mapping[str, Mapping[str, str]]
    ) -> dict[str, Any]:
        """Make a build folder for an image to which texts are added that were mounted."""
        lines = [f"FROM {base}"]
        for target, texts in copied.items():
            for name, text in sorted(texts.items()):
                path = PurePosixPath(target) / name if name else PurePosixPath(target)
                file = f"{OWN}/{str(path).lstrip('/')}"
                self.draft.files[f"compose/{service}/{file}"] = text
                mode = "--chmod=755 " if text.startswith("#!") else "--chmod=644 "
                lines.append(f"COPY {mode}{json.dumps([file, str(path)])}")
        self.draft.files[f"compose/{service}/Dockerfile"] = "\n".join(lines) + "\n"
        return {"context": f"./{service}"}

    def around_code(self, service: OldService, name: str, code: OldMount) -> dict[str, Any]:
        """Make a build folder of code that was only mounted into an image of others."""
        source = Path(code.source)
        folder = self.folder(source, name)
        workdir = str(service.spec.get("working_dir") or code.target)
        lines = [f"FROM {service.image.full}", f"WORKDIR {workdir}", f"COPY . {code.target}"]
        if (source / "package.json").is_file():
            lock = (source / "package-lock.json").is_file()
            lines.append("RUN npm ci" if lock else "RUN npm install")
        elif (source / "requirements.txt").is_file():
            lines.append("RUN pip install --no-cache-dir -r requirements.txt")
        file = "Dockerfile" if not (source / "Dockerfile").exists() else "Dockerfile.slipway"
        self.draft.files[f"compose/{folder}/{file}"] = "\n".join(lines) + "\n"
        self.draft.note(
            (
                f"{name}: its code was only mounted into {service.image.full}; "
                f"compose/{folder}/{file} puts it into an image: read it"
            ),
            "services",
            service.name,
            "image",
        )
        build = {"context": f"./{folder}"}
        return build if file == "Dockerfile" else build | {"dockerfile": file}


def _context(spec: Mapping[str, Any]) -> Path | None:
    context = (spec.get("build") or {}).get("context")
    return Path(context) if context else None
