"""Begins the chain of hashes of a wallet that is older than it: no line is changed, the wallet holds their hash."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from aerostack_billing.ledger import chain
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.values.errors import Inconsistent
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.store import WalletStore


@dataclass(frozen=True)
class Chained:
    """How many wallets there are, how many of them had a chain, and how many have one now by this run."""

    wallets: int
    chained_before: int
    chained: int
    lines: int


class Chaining:
    """Begins chains."""

    def __init__(self, wallets: WalletStore) -> None:
        self._wallets = wallets

    def accounts(self, account_id: str | None) -> list[str]:
        """The one that is named, or every account that has a wallet."""
        return self._wallets.all_accounts() if account_id is None else [account_id]

    def preview(self, account_ids: Iterable[str]) -> Chained:
        """What `run` would find."""
        wallets = [self._wallets.get(account_id) for account_id in account_ids]
        old = [wallet for wallet in wallets if _is_old(wallet)]
        return Chained(len(wallets), len(wallets) - len(old), len(old), sum(wallet.seq for wallet in old))

    def run(self, account_ids: list[str], step: Callable[[int, int], None] = lambda _done, _of: None) -> Chained:
        """Let each wallet hold the hash of its newest line, so that its next line seals all before it.

        Safe to run twice, and beside anything that moves money: written under the wallet's version. Inconsistent where
        the lines do not follow from one another; nothing is changed then.
        """
        chained = lines = 0
        for number, account_id in enumerate(account_ids):
            step(number, len(account_ids))
            before = self._wallets.get(account_id)
            if _is_old(before):
                after = self._wallets.apply(account_id, self._begun).owner
                chained, lines = chained + 1, lines + after.seq
        return Chained(len(account_ids), len(account_ids) - chained, chained, lines)

    def _begun(self, wallet: Wallet) -> Change[Wallet]:
        if not _is_old(wallet):
            return Change(wallet)
        transfers = self._wallets.ledger.whole(wallet.account_id)
        checked = chain.verify(chain.line(transfer) for transfer in transfers[: wallet.seq])
        if checked.wrong is not None or checked.last_seq != wallet.seq:
            raise Inconsistent(f"the lines of {wallet.account_id} do not follow from one another: {checked.wrong}")
        return Change(replace(wallet, head=checked.hash))


def _is_old(wallet: Wallet) -> bool:
    """Whether it has lines, and no chain."""
    return wallet.seq > 0 and wallet.head is None
