"""A certificate that browsers would not take is refused with what to do, before it is shown."""

from collections.abc import Sequence

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption

from slipway.certificates import provided
from tests.fakes.certificates import NOW, Signed, make, sign

ROOT = sign("Root")
BETWEEN = sign("Between", by=ROOT)
SHOP = sign("shop", ["a.test"], by=BETWEEN)


def complaints(*chain: Signed, key: bytes = b"", names: Sequence[str] = ("a.test",)) -> list[str]:
    pem, own = b"".join(each.pem for each in chain), key or SHOP.key_pem()
    return list(provided.complaints(pem, own, names, NOW.timestamp()))


def test_a_certificate_with_those_between_it_and_the_authority_is_fine() -> None:
    for chain in ((SHOP,), (SHOP, BETWEEN), (SHOP, BETWEEN, ROOT)):
        assert complaints(*chain) == []
    crossed = sign("Root", by=sign("Older root"))
    assert complaints(SHOP, BETWEEN, ROOT, crossed) == []


def test_a_chain_in_another_order_is_refused() -> None:
    for chain in ((BETWEEN, SHOP), (ROOT, BETWEEN, SHOP)):
        (line,) = complaints(*chain)
        assert line == f"TLS_CHAIN is in the wrong order: {provided.ORDER}"
    for chain in ((SHOP, ROOT, BETWEEN), (SHOP, sign("Of somebody else"))):
        (line,) = complaints(*chain)
        assert line.startswith("certificate 2 of TLS_CHAIN has issued none of those before it")


def test_what_has_expired_is_named_wherever_in_the_chain_it_stands() -> None:
    expired = sign("Between", begins=-9, ends=-1, by=ROOT)
    shop = sign("shop", ["a.test"], by=expired)
    (line,) = complaints(shop, expired, key=shop.key_pem())
    assert line.startswith("certificate 2 of TLS_CHAIN has expired on ")


@pytest.mark.parametrize(
    ("names", "days", "pair", "reason"),
    [
        (["a.test"], (-1, 90), "other", "TLS_KEY is not the key of TLS_CHAIN's first certificate"),
        (["b.test"], (-1, 90), "own", "TLS_CHAIN is for b.test, and not for a.test"),
        (["a.test"], (-9, -1), "own", "TLS_CHAIN has expired on"),
        (["a.test"], (3, 90), "own", "TLS_CHAIN is not valid before"),
        (["*.test"], (-1, 90), "own", ""),
    ],
)
def test_a_certificate_that_browsers_would_not_take_is_named(
    names: list[str], days: tuple[float, float], pair: str, reason: str
) -> None:
    chain, key = make(names, *days)
    key = key if pair == "own" else make(names)[1]
    text = "; ".join(provided.complaints(chain, key, ["a.test"], NOW.timestamp()))
    assert reason in text and bool(reason) == bool(text)


def test_a_certificate_for_no_name_is_named() -> None:
    assert complaints(ROOT, key=ROOT.key_pem()) == ["TLS_CHAIN is for no name, and not for a.test"]


def test_a_key_with_a_passphrase_is_refused_with_how_to_remove_it() -> None:
    (line,) = complaints(SHOP, key=SHOP.key_pem(BestAvailableEncryption(b"secret")))
    assert "has a passphrase" in line and "openssl pkey -in key.pem -out plain.pem" in line


def test_a_key_in_the_chain_and_what_is_no_pem_are_named() -> None:
    now = NOW.timestamp()
    both = SHOP.pem + SHOP.key_pem()
    assert "holds a private key" in next(provided.complaints(both, SHOP.key_pem(), [], now))
    assert list(provided.complaints(b"x", SHOP.key_pem(), [], now)) == [
        "TLS_CHAIN is no certificate as PEM"
    ]
    for key in (b"x", SHOP.pem, SHOP.key_pem()[:80]):
        assert complaints(SHOP, key=key) == ["TLS_KEY is no private key as PEM"]


def test_it_is_said_when_a_chain_ends_soon_or_has_nothing_between() -> None:
    now = NOW.timestamp()
    assert list(provided.warnings(SHOP.pem + BETWEEN.pem, now)) == []
    assert list(provided.warnings(make(["a.test"], ends=10)[0], now)) == [
        "TLS_CHAIN ends in 10 days"
    ]
    (line,) = provided.warnings(SHOP.pem, now)
    assert "holds one certificate, by Between" in line
