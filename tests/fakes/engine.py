"""An engine that has images, and a registry that has more."""

from collections.abc import Mapping, Sequence

from slipway.hosts.host import CommandResult
from slipway.images.references import plain
from tests.fakes.host import FakeHost


class FakeEngine(FakeHost):
    """Lists images by their familiar names: `FakeEngine({"a:1": "sha256:01"})`."""

    def __init__(
        self, images: Mapping[str, str] | None = None, registry: Mapping[str, str] | None = None
    ) -> None:
        super().__init__()
        self.images = dict(images or {})
        self._registry = dict(registry or {})
        self.reacts("docker", "image", "inspect", by=self._inspect)
        self.reacts("docker", "pull", by=self._pull)

    def _inspect(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        lines, names = [], [plain(name) for name in argv[5:]]
        for name in names:
            ident = self.images.get(name, "")
            lines.append(f'["{name}"]\t[]\t{ident}\tnull\n' if ident else "\n")
        code = int(any(name not in self.images for name in names))
        return CommandResult("fake", tuple(argv), code, "".join(lines), "")

    def _pull(self, argv: Sequence[str], stdin: bytes) -> CommandResult:
        name = plain(argv[-1])
        if name not in self._registry:
            return CommandResult("fake", tuple(argv), 1, "", f"no {name}")
        self.images[name] = self._registry[name]
        return CommandResult("fake", tuple(argv), 0, name, "")
