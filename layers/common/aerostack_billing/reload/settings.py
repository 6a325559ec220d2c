"""What the user sets: when to reload, how much, and how much at most. Only the user turns auto-reload on."""

from __future__ import annotations

from aerostack_billing.accounts.store import AccountStore
from aerostack_billing.ledger.ledger import Change
from aerostack_billing.payments.cards import CardPayments
from aerostack_billing.reload.confirmations import Confirmations
from aerostack_billing.values.errors import Conflict, OperatorRefused
from aerostack_billing.values.money import micros
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.reload_states import configured, suspended
from aerostack_billing.wallet.requests import AutoReloadRequest
from aerostack_billing.wallet.store import WalletStore


class NoPaymentMethod(Conflict):
    """There is no saved card to reload from."""

    code = "NO_PAYMENT_METHOD"


class AutoReloadOff(OperatorRefused):
    """There is no auto-reload to suspend."""

    code = "AUTO_RELOAD_OFF"


class ReloadUnderWay(OperatorRefused):
    """An attempt has been made whose outcome is open."""

    code = "RELOAD_UNDER_WAY"


def suspendable(wallet: Wallet, message: str) -> Wallet:
    """The wallet suspended; AutoReloadOff or ReloadUnderWay where it cannot be."""
    if not wallet.reload.enabled:
        raise AutoReloadOff("Auto-reload is off. There is nothing to suspend.")
    if wallet.reload.under_way:
        raise ReloadUnderWay("A reload is under way. Try again in a few minutes.")
    return suspended(wallet, message)


class ReloadSettings:
    """Saves the settings of auto-reload."""

    def __init__(
        self, wallets: WalletStore, accounts: AccountStore, cards: CardPayments, confirmations: Confirmations
    ) -> None:
        self._wallets = wallets
        self._accounts = accounts
        self._cards = cards
        self._confirmations = confirmations

    def save(self, account_id: str, request: AutoReloadRequest) -> Wallet:
        """The wallet with the settings stored; a reload is due at once if the balance is below the threshold.

        Saving ends a suspension and voids a payment that waits for confirmation. NoPaymentMethod (409) where reloads
        are to be on and there is no card.
        """
        if request.enabled:
            self._check_card(account_id)
        threshold, amount = request.threshold_cents, request.amount_cents

        def rule(wallet: Wallet) -> Change[Wallet]:
            return Change(
                configured(
                    wallet,
                    enabled=request.enabled,
                    threshold=None if threshold is None else micros(threshold),
                    amount=None if amount is None else micros(amount),
                    monthly_cap=None if request.monthly_cap_cents is None else micros(request.monthly_cap_cents),
                )
            )

        return self._confirmations.apply(account_id, rule).owner

    def suspend(self, account_id: str, message: str) -> Wallet:
        """The wallet with auto-reload suspended, until its user saves the settings again; they read the message.

        A payment that waits for confirmation is voided. AutoReloadOff (409) where it is off; ReloadUnderWay (409)
        while an attempt's outcome is open: its money may come.
        """
        return self._confirmations.apply(account_id, lambda wallet: Change(suspendable(wallet, message))).owner

    def preview_suspension(self, account_id: str, message: str) -> tuple[Wallet, Wallet]:
        """The wallet as it is and as `suspend` would leave it; nothing is written, nor voided."""
        wallet = self._wallets.get(account_id)
        return wallet, suspendable(wallet, message)

    def _check_card(self, account_id: str) -> None:
        customer_id = self._accounts.get(account_id).customer_id
        if customer_id is None or self._cards.default_card(customer_id) is None:
            raise NoPaymentMethod("Auto-reload needs a saved card. Make a deposit, or add one in the billing portal.")
