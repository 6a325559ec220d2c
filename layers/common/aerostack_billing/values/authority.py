"""What the token of a service may do beyond its scope: narrowed to kinds, to accounts, to an amount, where it says so.

Three claims narrow a token, each alone or together. What is not in a token narrows nothing; what cannot be read allows
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from aerostack_billing.values.errors import TokenRestricted
from aerostack_billing.values.money import Micros, micros

KINDS: Final = "billing_kinds"
ACCOUNTS: Final = "billing_accounts"
MOST: Final = "billing_max_charge_cents"
_LONGEST_AMOUNT = 12


@dataclass(frozen=True)
class Authority:
    """The kinds, the beginnings of account names, and the most a charge that a token is for; None: not narrowed."""

    kinds: frozenset[str] | None = None
    accounts: tuple[str, ...] | None = None
    most_cents: int | None = None

    @classmethod
    def of(cls, claims: Mapping[str, object]) -> Authority:
        """As the token's claims say."""
        kinds, accounts = (_texts(claims[name]) if name in claims else None for name in (KINDS, ACCOUNTS))
        return cls(
            None if kinds is None else frozenset(kinds),
            accounts,
            _whole(claims[MOST]) if MOST in claims else None,
        )

    def check_account(self, account_id: str) -> None:
        """Return if the token is for this account; TokenRestricted (403) if not."""
        if self.accounts is not None and not account_id.startswith(self.accounts):
            raise TokenRestricted(
                "The token is for other accounts. Use one for this account.",
                {"claim": ACCOUNTS, "allowed": list(self.accounts)},
            )

    def check_kind(self, kind: str) -> None:
        """Return if the token is for charges of this kind; TokenRestricted (403) if not."""
        if self.kinds is not None and kind not in self.kinds:
            raise TokenRestricted(
                f"The token is for no {kind}. Use one for this kind.",
                {"claim": KINDS, "allowed": sorted(self.kinds)},
            )

    def check_amount(self, amount: Micros) -> None:
        """Return if the token may take so much at once; TokenRestricted (403) if not."""
        if self.most_cents is not None and amount > micros(self.most_cents):
            raise TokenRestricted(
                f"The token takes {self.most_cents} cents at most in one charge or hold.",
                {"claim": MOST, "allowed": self.most_cents},
            )

    @property
    def narrows_money(self) -> bool:
        """Whether a charge's kind or amount matters to it."""
        return self.kinds is not None or self.most_cents is not None

    def check_undoing(self, kind: str, amount: Micros) -> None:
        """Return if the token may undo what was taken; TokenRestricted (403) for what it could not have taken."""
        self.check_kind(kind)
        self.check_amount(amount)


_current: ContextVar[Authority | None] = ContextVar("authority", default=None)
_ANY: Final = Authority()


def current() -> Authority:
    """The authority of the request under way; outside of one nothing is narrowed."""
    return _current.get() or _ANY


@contextmanager
def using(authority: Authority) -> Iterator[None]:
    """Work under this authority inside the block."""
    before = _current.set(authority)
    try:
        yield
    finally:
        _current.reset(before)


def _texts(claim: object) -> tuple[str, ...]:
    """The texts of a claim as API Gateway hands it on: one or several with spaces, a list as `[a b]`."""
    if not isinstance(claim, str):
        return ()
    inner = claim[1:-1] if claim[:1] == "[" and claim[-1:] == "]" else claim
    return tuple(inner.split())


def _whole(claim: object) -> int:
    readable = isinstance(claim, str) and claim.isascii() and claim.isdigit() and len(claim) <= _LONGEST_AMOUNT
    return int(claim) if readable and isinstance(claim, str) else 0
