"""What S3 and the way there can answer when they fail, each as one sentence with the way on."""

from collections.abc import Mapping
from typing import Any

from slipway.storage.store import StoreError

BAD_KEYS = {
    "InvalidAccessKeyId",
    "SignatureDoesNotMatch",
    "ExpiredToken",
    "InvalidToken",
    "TokenRefreshRequired",
    "Unauthorized",
    "401",
}
NOT_ALLOWED = {"AccessDenied", "AllAccessDisabled", "Forbidden", "403"}
KEPT = {  # an object lock, as AWS, R2 and Google name it
    "ObjectLocked",
    "ObjectLockedByBucketPolicy",
    "ObjectUnderActiveHold",
    "RetentionPolicyNotMet",
    "MethodNotAllowed",
}
MISSING = {"NoSuchKey", "404", "NotFound"}
ELSEWHERE = {
    "PermanentRedirect",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "301",
    "TemporaryRedirect",
}
FULL = {"QuotaExceeded", "XMinioStorageFull", "InsufficientStorage", "507", "EntityTooLarge"}
BROKEN = {"InternalError", "500", "502", "504"}
OVERLOADED = {"SlowDown", "ServiceUnavailable", "503", "RequestLimitExceeded", "429"}
KEYS = "BACKUP_S3_KEY and BACKUP_S3_SECRET"


class NotS3(Exception):
    """Something answers, but not as S3 does."""


def code(error: Exception) -> str:
    """Name what S3 answered: `AccessDenied`, or the bare status where there was no more."""
    return str(_answer(error).get("Code", ""))


def explain(error: Exception, store: str, doing: str) -> StoreError:
    """Say what happened, and what to do, for an error of boto3; `doing` is `writing x.dump`."""
    reason = _describe_answer(error) or _describe_network_error(error)
    return StoreError(f"{store}: {doing} failed: {reason}")


def require(answer: Mapping[str, object], name: str) -> str:
    """Take what S3 always answers; a page of somebody's proxy may say 200 as well."""
    if value := answer.get(name):
        return str(value)
    raise NotS3


def _describe_answer(error: Exception) -> str:
    """What the store itself said."""
    answer = _answer(error)
    error_code = code(error)
    sentences = [
        ({"NoSuchBucket"}, "there is no such bucket; create it, or correct BACKUP_STORE"),
        (BAD_KEYS, f"the store does not accept the keys; renew {KEYS} and deploy"),
        (NOT_ALLOWED, f"the keys may not do this; allow it at the store, or change {KEYS}"),
        ({"PreconditionFailed", "412"}, "it was replaced while it was read; run this again"),
        (MISSING, "there is no such object"),
        (KEPT, "the store keeps it locked"),
        ({"RequestTimeTooSkewed"}, "this machine's clock is wrong; set it (timedatectl) and retry"),
        (FULL, "the store is full or allows no object so large; free space there and retry"),
        (OVERLOADED, "the store is overloaded, after several tries; try again later"),
        (BROKEN, "the store has trouble of its own; try again later (or is it no S3 at all?)"),
        (ELSEWHERE, f"the bucket is in {_region(error)}; name it in BACKUP_S3_REGION"),
    ]
    for codes, sentence in sentences:
        if error_code in codes:
            return sentence
    if not answer:
        return ""
    words = " ".join(str(answer.get("Message") or "without a reason").split())
    return f"the store answered {error_code or 'nonsense'}: {words[:160]}"


def _describe_network_error(error: Exception) -> str:
    """What happened between here and the store."""
    from botocore import exceptions as trouble

    endpoint = getattr(error, "kwargs", {}).get("endpoint_url", "")
    host = endpoint.split("//")[-1].split("/")[0] or "the store"
    sentences: list[tuple[type[Exception], str]] = [
        (trouble.SSLError, f"{host} has no certificate this machine trusts, or speaks no TLS"),
        (trouble.ConnectTimeoutError, f"{host} does not answer; is the address right?"),
        (trouble.ProxyConnectionError, "the proxy of this machine (HTTPS_PROXY) does not answer"),
        (trouble.EndpointConnectionError, f"no connection to {host}; is the address right?"),
        (
            trouble.ReadTimeoutError,
            f"{host} stopped responding, after several retries; try again later",
        ),
        (
            trouble.HTTPClientError,
            f"the connection to {host} broke, after several retries; try later",
        ),
        (
            trouble.IncompleteReadError,
            "the connection broke, after several retries; try again later",
        ),
        (trouble.ParamValidationError, "S3 does not allow such a bucket name; see BACKUP_STORE"),
        (NotS3, "what answers there does not speak S3; see BACKUP_S3_ENDPOINT"),
    ]
    for kind, sentence in sentences:
        if isinstance(error, kind):
            return sentence
    return f"{type(error).__name__}; try again later"


def _answer(error: Exception) -> dict[str, object]:
    return dict(_response(error).get("Error", {}))


def _response(error: Exception) -> dict[str, Any]:
    """All of an answer; what broke before there was one has none, or None."""
    return getattr(error, "response", None) or {}


def _region(error: Exception) -> str:
    """Which region the store named, in its answer or beside it."""
    headers = _response(error).get("ResponseMetadata", {}).get("HTTPHeaders", {})
    named = _answer(error).get("Region") or headers.get("x-amz-bucket-region")
    return f"the region {named}" if named else "another region"
