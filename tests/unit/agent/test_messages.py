"""Requests and replies cross the wire as they are, and what is no message is refused."""

import contextlib
import dataclasses
import itertools
import json
import types
import typing
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Union

import pytest

from slipway.agent import dispatch
from slipway.agent.codec import MessageError, MissingField, UnknownField, decode, encode
from slipway.agent.context import Context
from slipway.agent.messages.backups import BackupReply, BackupRequest, VerifyRequest
from slipway.agent.messages.data import QueryRequest, ResetReply, ResetRequest
from slipway.agent.messages.migrations import MigrateRequest, WaitRequest
from slipway.agent.messages.request import ChangePlan, Reply, Request, reply_to
from slipway.agent.messages.restore import RestorePlan, RestoreReply, RestoreRequest
from slipway.backups.format import encryption
from slipway.backups.format.encryption import Key
from slipway.client import call
from slipway.client.container import Container
from slipway.errors import SlipwayError, UsageError
from slipway.hosts.local import LocalHost
from slipway.progress import SILENT
from slipway.storage.store import Store
from tests.foreign.spoiling import misshapen

STEP = 7  # of misshapen documents one in so many
KEY, _ = encryption.new_key()
SIMPLE: Mapping[object, object] = {
    str: "ü", int: 7, float: 1.5, bool: True, object: [1, {"a": None}], types.NoneType: None
}  # fmt: skip


def sample(kind: Any) -> Any:
    """Make a value of a type, with something in each list and field."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Key:
        return KEY
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        hints = typing.get_type_hints(kind)
        return kind(**{each.name: sample(hints[each.name]) for each in dataclasses.fields(kind)})
    if origin in (Union, types.UnionType):
        return sample(arguments[0])
    if origin is Literal:
        return arguments[-1]
    if origin is Mapping:
        return {"a.sql": sample(arguments[1])}
    if origin is frozenset:
        return frozenset([sample(arguments[0])])
    if origin in (tuple, Sequence):
        kinds = arguments[:1] if origin is Sequence or Ellipsis in arguments else arguments
        return tuple(sample(each) for each in kinds)
    return SIMPLE[kind]


def alternatives(kind: Any) -> Sequence[Any]:
    is_union = typing.get_origin(kind) in (Union, types.UnionType)
    return typing.get_args(kind) if is_union else (kind,)


def sent(message: object) -> object:
    """Return a message as it comes out of the other end."""
    return json.loads(json.dumps(encode(message)))


@pytest.mark.parametrize("verb", sorted(dispatch.VERBS))
def test_a_message_of_another_shape_is_none_or_comes_out_as_it_went_in(verb: str) -> None:
    request = dispatch.find(verb).request
    for kind in (request, *alternatives(reply_to(request))):
        for document in itertools.islice(misshapen(sent(sample(kind))), 0, None, STEP):
            with contextlib.suppress(UsageError):  # MessageError, or a key that is none
                message = decode(kind, document)
                assert decode(kind, sent(message)) == message or not is_finite(document)


def is_finite(document: object) -> bool:
    """Whether no number in it is none: what is not equal to itself cannot come out equal."""
    return "NaN" not in json.dumps(document)


def context() -> Context:
    def no_store() -> Store:
        raise AssertionError("no store was needed")

    return Context(SILENT, no_store)


@pytest.mark.parametrize("verb", sorted(dispatch.VERBS))
def test_the_request_of_every_verb_arrives_as_it_was_sent(verb: str) -> None:
    kind = dispatch.find(verb).request
    request = sample(kind)
    assert kind.verb == verb
    assert decode(kind, sent(request)) == request


@pytest.mark.parametrize("verb", sorted(dispatch.VERBS))
def test_the_reply_to_every_verb_arrives_as_it_was_sent(verb: str) -> None:
    replies: type[Reply] = reply_to(dispatch.find(verb).request)
    for kind in alternatives(replies):
        reply = sample(kind)
        assert decode(replies, sent(reply), complete=True) == reply


@pytest.mark.parametrize("verb", sorted(dispatch.VERBS))
def test_a_command_returns_the_reply_that_its_request_promises(verb: str) -> None:
    command = dispatch.find(verb)
    returned = typing.get_type_hints(command.run)["return"]
    assert set(alternatives(returned)) == set(alternatives(reply_to(command.request)))


@pytest.mark.parametrize(
    ("request_kind", "kinds"),
    [
        (BackupRequest, (BackupReply, ChangePlan)),
        (ResetRequest, (ResetReply, ChangePlan)),
        (RestoreRequest, (RestoreReply, RestorePlan)),
    ],
)
def test_a_reply_and_a_plan_are_told_apart(
    request_kind: type[Request[Reply]], kinds: tuple[Any, ...]
) -> None:
    for kind in kinds:
        assert type(decode(reply_to(request_kind), sent(sample(kind)), complete=True)) is kind


def test_what_a_request_leaves_out_has_its_default() -> None:
    assert decode(MigrateRequest, {}) == MigrateRequest()
    assert decode(QueryRequest, {"sql": "select 1"}) == QueryRequest("select 1")


@pytest.mark.parametrize(
    ("kind", "document", "error", "words"),
    [
        (QueryRequest, {"sql": "table t", "colour": 1}, UnknownField, "QueryRequest.colour"),
        (QueryRequest, {}, MissingField, "QueryRequest.sql"),
        (QueryRequest, {"sql": "table t", "limit": "3"}, MessageError, r"limit is .* type \(str\)"),
        (QueryRequest, {"sql": "table t", "limit": True}, MessageError, r"limit is .* \(bool\)"),
        (QueryRequest, {"sql": "table t", "limit": 1.5}, MessageError, r"limit is .* \(float\)"),
        (QueryRequest, {"sql": None}, MessageError, r"sql is .* \(NoneType\)"),
        (QueryRequest, ["table t"], MessageError, r"QueryRequest is .* \(list\)"),
        (MigrateRequest, {"migrations": ["a"]}, MessageError, r"migrations is .* \(list\)"),
        (MigrateRequest, {"migrations": {"a": 1}}, MessageError, r"migrations\.a is .* \(int\)"),
        (MigrateRequest, {"mark": "maybe"}, MessageError, r"MigrateRequest\.mark"),
        (BackupRequest, {"recipients": "age1"}, MessageError, r"recipients is .* \(str\)"),
        (BackupRequest, {"recipients": [1]}, MessageError, r"recipients\[0\] is .* \(int\)"),
    ],
)
def test_what_is_no_request_is_refused_by_the_place_of_what_is_wrong(
    kind: type[Request[Reply]], document: object, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words) as caught:
        decode(kind, document)
    assert type(caught.value) is error


def test_a_whole_number_may_be_sent_where_a_fraction_belongs() -> None:
    request = decode(WaitRequest, {"timeout": 60})
    assert request == WaitRequest(60.0) and isinstance(request.timeout, float)


def test_a_list_of_fixed_length_is_not_shorter_or_longer() -> None:
    @dataclasses.dataclass(frozen=True)
    class Pair:
        names: tuple[str, str]

    with pytest.raises(MessageError, match=r"names has 3 values instead of 2"):
        decode(Pair, {"names": ["a", "b", "c"]})


# -- which end is older -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"sql": "table t", "colour": 1}, "engine is older: no QueryRequest.colour; deploy first"),
        ({}, "engine is newer: it needs QueryRequest.sql; update this checkout"),
        ({"sql": 1}, r"engine differs: QueryRequest\.sql .*; deploy first"),
        (None, "engine differs: .*; deploy first"),
    ],
)
def test_the_agent_says_which_end_is_older(document: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        dispatch.answer("query", document, context())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            {"colour": 1},
            "engine of testing is newer: no WaitReply.colour here; update",
        ),
        ({"seconds": None}, "engine of testing differs: WaitReply.seconds .*; deploy first"),
    ],
)
def test_the_client_says_which_end_is_older(change: dict[str, object], words: str) -> None:
    document = {"seconds": 1.5, "summary": "it answers"} | change
    with pytest.raises(SlipwayError, match=rf"wait was carried out, but .*: the {words}"):
        call.read_reply(WaitRequest(), document, place())


def test_a_reply_without_a_field_is_of_an_older_engine_even_if_the_field_has_a_default() -> None:
    with pytest.raises(SlipwayError, match=r"is older: it sends no WaitReply\.summary; deploy"):
        call.read_reply(WaitRequest(), {"seconds": 1.5}, place())
    with pytest.raises(SlipwayError, match=r"is older: it sends no RestoreReply\.timings; deploy"):
        document = typing.cast(dict[str, object], sent(sample(RestoreReply)))
        document.pop("timings")
        call.read_reply(RestoreRequest(), document, place())


def place() -> Container:
    return Container(LocalHost("here"), "ops", "testing")


# -- what is secret ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (VerifyRequest, {"keys": {"one": KEY.identity}}),
        (VerifyRequest, {"keys": KEY.identity}),
        (VerifyRequest, {"keys": {"one": {"identity": [KEY.identity]}}}),
        (VerifyRequest, {"keys": {"one": {"identity": KEY.identity, "more": KEY.identity}}}),
        (RestoreRequest, {"key": KEY.identity}),
        (RestoreRequest, {"key": {"identity": f"{KEY.identity}x"}}),
    ],
)
def test_an_error_shows_no_key(kind: type[Request[Reply]], document: object) -> None:
    with pytest.raises(UsageError) as caught:
        decode(kind, document)
    assert KEY.identity[:20] not in str(caught.value)
    assert KEY.identity[:20] not in repr(caught.value)


def test_a_request_shows_no_key() -> None:
    assert KEY.identity not in repr(VerifyRequest({"one": KEY}))
    assert sent(VerifyRequest({"one": KEY})) == {"keys": {"one": {"identity": KEY.identity}}}


def test_a_verb_that_nobody_knows_is_refused_without_being_run() -> None:
    with pytest.raises(UsageError, match="does not know 'fly' yet; deploy first"):
        dispatch.answer("fly", {}, context())
