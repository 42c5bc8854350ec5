"""The images that a Dockerfile needs: those that BuildKit would load, and no others."""

import platform
from pathlib import Path

import pytest

from slipway.images import dockerfile
from slipway.images import registry as registries
from slipway.images.references import plain

HEREDOC = """
FROM debian:trixie-slim
RUN <<EOF
cat >/etc/motd <<X
FROM the team
X
EOF
COPY <<"A" <<B /srv/
COPY --from=nothing / /
A
FROM nothing
B
"""
ARGUMENTS = """
ARG VERSION=3.13
ARG TAG="${VERSION}-slim"
ARG EMPTY
FROM --platform=$BUILDPLATFORM python:$TAG AS one
ARG TAG=none
FROM python:${EMPTY:-3}${VERSION:+-alpine} AS two
COPY --from=one / /
"""
STAGES = """
FROM node:24 AS Assets
FROM golang:1 AS unused
FROM docker.io/library/debian:trixie-slim
COPY --from=assets /a /a
COPY --from=0 /b /b
RUN --mount=type=bind,from=caddy:2,target=/caddy cp /caddy/usr/bin/caddy /usr/bin
"""


@pytest.mark.parametrize(
    ("text", "images"),
    [
        (HEREDOC, ["debian:trixie-slim"]),
        (ARGUMENTS, ["python:3.13-slim", "python:3-alpine"]),
        (STAGES, ["node:24", "debian:trixie-slim", "caddy:2"]),
        ("# escape=`\nFROM `\n  debian\n", ["debian:latest"]),
        ("FROM \\\n# a word\n\n  debian\n", ["debian:latest"]),
        ("FROM scratch\nCOPY . /\n", []),
        ("from alpine as one\nfrom one\n", ["alpine:latest"]),
        ("FROM a:1 AS x\nFROM x AS x\nCOPY --from=b:1 / /\n", ["a:1", "b:1"]),
        ("ARG BASE\nFROM $BASE\n", []),
        ("FROM ${BASE:?is not set}\n", []),
        ("", []),
    ],
)
def test_what_a_build_needs_is_read_as_buildkit_reads_it(text: str, images: list[str]) -> None:
    assert dockerfile.bases(text) == images


def test_arguments_of_the_compose_file_count_and_so_does_the_target() -> None:
    assert dockerfile.bases("ARG V=1\nFROM a:$V\n", {"V": "2"}) == ["a:2"]
    assert dockerfile.bases("FROM a:1\nARG V=1\nFROM a:$V\n", {"V": "2"}) == ["a:latest"]
    assert dockerfile.bases(STAGES, target="unused") == ["golang:1"]
    assert dockerfile.bases(STAGES, target="nowhere") == []


def test_a_stage_is_chosen_by_the_architecture() -> None:
    text = "FROM a:1 AS at-amd64\nFROM b:1 AS at-arm64\nFROM at-${TARGETARCH}\n"
    here = {"x86_64": "a:1", "aarch64": "b:1", "arm64": "b:1"}[platform.machine()]
    assert dockerfile.bases(text) == [here]
    assert dockerfile.bases(text, {"TARGETARCH": "arm64"}) == ["b:1"]


def test_a_file_of_another_syntax_is_left_to_buildkit(tmp_path: Path) -> None:
    path = tmp_path / "Dockerfile"
    assert dockerfile.bases_of(path) == []
    path.write_bytes(b"# syntax=example.com/other\n\xff\xfe: [not a Dockerfile\n")
    assert dockerfile.bases_of(path) == []


@pytest.mark.parametrize(
    ("reference", "familiar"),
    [
        ("redis", "redis:latest"),
        ("docker.io/library/redis:7", "redis:7"),
        ("index.docker.io/redis", "redis:latest"),
        ("library/redis", "redis:latest"),
        ("docker.io/library/one/two", "library/one/two:latest"),
        ("docker.io/acme/shop:1", "acme/shop:1"),
        ("localhost/library/x", "localhost/library/x:latest"),
        ("registry.example.com:5000/shop/api", "registry.example.com:5000/shop/api:latest"),
        ("docker.io/library/redis:7@sha256:0123", "redis@sha256:0123"),
    ],
)
def test_an_image_is_called_as_the_engine_lists_it(reference: str, familiar: str) -> None:
    assert plain(reference) == familiar


@pytest.mark.parametrize(
    ("registry", "image", "name"),
    [
        ("r.example.com/team", "demo/api:src-1", "r.example.com/team/demo/api:src-1"),
        ("docker.io/acme", "docker.io/library/redis", "docker.io/acme/redis:latest"),
        ("r.example.com", "redis:7@sha256:" + "01" * 32, "r.example.com/redis:sha256-0101"),
    ],
)
def test_every_image_has_a_tag_in_a_registry(registry: str, image: str, name: str) -> None:
    assert registries.name_in(registry, image).startswith(name)
