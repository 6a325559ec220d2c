"""A client of DynamoDB Local that speaks the protocol and no more.

A replay is some fifty requests, and in boto3's client most of the time of each goes into what a simulation has no use
for: it signs, it checks parameters that the tests of the stores have checked, it fires hooks.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import urllib3
from botocore.exceptions import ClientError

Params = Any
"""The parameters of an operation of DynamoDB's, whichever."""

_VERSION = "DynamoDB_20120810"
_HEADERS = {
    "Content-Type": "application/x-amz-json-1.0",
    # DynamoDB Local wants to be told whose tables are meant, and believes it.
    "Authorization": "AWS4-HMAC-SHA256 Credential=testing/20260101/us-east-1/dynamodb/aws4_request, "
    "SignedHeaders=host, Signature=none",
}


class BareDynamo:
    """Has boto3's methods for items, with their answers and their ClientError."""

    def __init__(self, url: str) -> None:
        self._pool = urllib3.connectionpool.connection_from_url(url, maxsize=1)

    def close(self) -> None:
        """Keep the connection: nothing between this process and DynamoDB Local drops one that idles."""

    def __getattr__(self, name: str) -> Callable[..., dict[str, Any]]:
        operation = "".join(map(str.capitalize, name.split("_")))
        headers = _HEADERS | {"X-Amz-Target": f"{_VERSION}.{operation}"}

        def call(**params: Params) -> dict[str, Any]:
            answer = self._pool.urlopen("POST", "/", json.dumps(params), headers, retries=False)
            found: dict[str, Any] = answer.json()
            if answer.status == 200:
                return found
            code = found.pop("__type").rpartition("#")[2]
            error: Any = {"Error": {"Code": code, "Message": found.get("message") or found.get("Message")}, **found}
            raise ClientError(error, operation)

        self.__dict__[name] = call
        return call
