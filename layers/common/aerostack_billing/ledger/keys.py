"""Idempotency of money: a caller's key makes the transfer's id, so that the ledger itself dedupes, for ever."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from pydantic import BaseModel

from aerostack_billing.idempotency.store import key_reused
from aerostack_billing.ledger.models import Transfer


@dataclass(frozen=True)
class Done:
    """An answer; `replayed` when it is the first one to the key, given again."""

    body: dict[str, object]
    replayed: bool = False


def transfer_id(prefix: str, account_id: str, key: str) -> str:
    """The id that an account's key makes for one kind of act, which the prefix names: the same for ever."""
    digest = hashlib.sha256(f"{prefix}\0{account_id}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
    return f"{prefix}{digest[:40]}"


def fingerprint(request: BaseModel) -> str:
    """What must be the same for a key to mean the same request: all of the request but the key.

    A field that is left out does not count, so that one that is added some day changes no fingerprint of before.
    """
    asked = request.model_dump(exclude={"idempotency_key"}, exclude_defaults=True)
    canonical = repr(sorted(asked.items()))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def check_same(transfer: Transfer, asked: str) -> Transfer:
    """The transfer if its key was used for this very request; IdempotencyKeyReused (409) if for another."""
    if transfer.fingerprint != asked:
        raise key_reused()
    return transfer
