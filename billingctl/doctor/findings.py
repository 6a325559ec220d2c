"""What a look at one part of the stack came to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

from botocore.exceptions import BotoCoreError, ClientError

from aerostack_billing.values.errors import BillingError, Misconfigured
from billingctl import aws

State = Literal["fine", "wrong", "not looked at"]


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, and what to type or read next."""

    check: str
    what: str
    fix: str


class NotLookedAt(Exception):
    """This part cannot be looked at here; the text says why. It is never called fine."""


@dataclass(frozen=True)
class Looked:
    """One part: `fine`, `wrong` with its findings, or `not looked at` with the reason."""

    check: str
    state: State
    why: str | None = None
    findings: tuple[Finding, ...] = ()


def look(check: str, find: Callable[[], Sequence[Finding]]) -> Looked:
    """Look at one part. What cannot be asked is said to be not looked at, with the reason, and spoils no other part."""
    try:
        found = tuple(find())
    except NotLookedAt as reason:
        return Looked(check, "not looked at", str(reason))
    except ClientError as error:
        return Looked(check, "not looked at", aws.sentence("AWS refused", error))
    except (BillingError, Misconfigured, BotoCoreError) as error:
        return Looked(check, "not looked at", str(error))
    return Looked(check, "wrong" if found else "fine", None, found)


def report(parts: Sequence[Looked]) -> dict[str, object]:
    """The answer: `healthy` where nothing that was looked at is wrong."""
    findings = [asdict(finding) for part in parts for finding in part.findings]
    checks = [{"check": part.check, "state": part.state, "why": part.why} for part in parts]
    return {"healthy": not findings, "findings": findings, "checks": checks}
