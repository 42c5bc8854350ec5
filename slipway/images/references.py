"""Names of images as an engine shows them."""

HUB = ("docker.io", "index.docker.io")


def plain(reference: str) -> str:
    """Return the familiar name: postgres:17 for docker.io/library/postgres:17, redis:latest for
    redis, and for a name with a digest the one that the engine lists, without a tag.
    """
    name, at, digest = reference.partition("@")
    first, slash, path = name.partition("/")
    if slash and first in HUB:
        name = path
    if name.startswith("library/") and name.count("/") == 1:
        name = name.removeprefix("library/")
    folder, slash, last = name.rpartition("/")
    repository, _, tag = last.partition(":")
    if at:
        return f"{folder}{slash}{repository}@{digest}"
    return f"{folder}{slash}{repository}:{tag or 'latest'}"
