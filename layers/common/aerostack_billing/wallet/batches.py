"""Batches: up to a hundred charges in one call, each answered as it would have been alone.

The charges of one account are taken in their order, by as few transactions as fit: the wallet is read once, the rule of
a single charge is applied to it charge by charge, and what it becomes is written with all lines, or none. A charge
whose line stands is answered by it; one that is refused refuses no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from aerostack_billing.ledger.keys import check_same, fingerprint
from aerostack_billing.ledger.ledger import Change, Stale, TransferExists
from aerostack_billing.ledger.models import Transfer
from aerostack_billing.platform.dynamo import Write
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from aerostack_billing.values.fields import validated_each
from aerostack_billing.wallet.charges import UNPRICED, Charges, charge_id_of
from aerostack_billing.wallet.charging import SHORT, Folded, Line, charged_answer, taken_together
from aerostack_billing.wallet.lapsing import Lapsing
from aerostack_billing.wallet.models import Wallet
from aerostack_billing.wallet.quota import Quota
from aerostack_billing.wallet.requests import ChargeRequest
from aerostack_billing.wallet.sharing import Sharing
from aerostack_billing.wallet.store import LabelValue, WalletStore

_TURNS = 5


@dataclass(frozen=True)
class Result:
    """What one charge would have been answered alone."""

    status: int
    body: Mapping[str, object]

    def view(self) -> dict[str, object]:
        """As `results` lists it."""
        return {"status": self.status, **self.body}


@dataclass(frozen=True)
class _Entry:
    """A charge in its place; `line` is None where it cannot be priced, for which `wrong` is why."""

    place: int
    request: ChargeRequest
    charge_id: str
    asked: str
    line: Line | None = None
    wrong: BillingError | None = None


@dataclass
class _Refused:
    """A refusal, of one charge or of several that ask for the very same under one key."""

    error: BillingError
    entries: list[_Entry]


@dataclass
class _Run:
    """The charges of one account while they are taken: what is still to do, and what is known by now."""

    account_id: str
    entries: list[_Entry] = field(default_factory=list)
    stands: dict[str, Transfer] = field(default_factory=dict)
    refused: dict[tuple[str, str], _Refused] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    """Whose lines this batch made: a refusal of the same key was before them."""
    results: dict[int, Result] = field(default_factory=dict)
    known: Wallet | None = None
    labels: frozenset[LabelValue] = frozenset()
    """Those whose budgets `known` has."""
    refusing: bool = False
    by_plan_alone: bool = False
    failed: StoreUnavailable | None = None
    """Why a charge could not even be priced, nor those after it."""
    turns: int = 0

    def settle(self) -> None:
        """Answer what can be answered by now: by the line that stands, or as its twin earlier in the batch."""
        left = []
        for entry in self.entries:
            twin = self.refused.get((entry.charge_id, entry.asked))
            if entry.charge_id in self.stands:
                self.results[entry.place] = _replayed(self.stands[entry.charge_id], entry.asked)
            elif twin is not None:
                twin.entries.append(entry)
            else:
                left.append(entry)
        self.entries = left

    def first_lines(self) -> list[Line]:
        """The first charges that can be taken together: each of another key."""
        lines: dict[str, Line] = {}
        for entry in self.entries:
            if entry.line is None or entry.charge_id in lines or (self.by_plan_alone and entry.line.tokens):
                break
            lines[entry.charge_id] = entry.line
        return list(lines.values())

    def done(self, change: Change[Wallet], folded: Folded) -> None:
        """Note what a transaction took and refused."""
        taken = {transfer.transfer_id: transfer for transfer in change.transfers}
        for entry in self.entries[: folded.seen]:
            if entry.charge_id in taken:
                self.results[entry.place] = Result(201, charged_answer(taken[entry.charge_id]))
            else:
                self.refuse(entry, folded.refused[entry.charge_id])
        self.stands |= taken
        self.taken |= taken.keys()
        self.entries, self.known = self.entries[folded.seen :], change.owner

    def refuse(self, entry: _Entry, error: BillingError) -> None:
        """Note a refusal, which a line that stands all the same overrules in the end."""
        self.refused[entry.charge_id, entry.asked] = _Refused(error, [entry])

    def give_up(self, error: BillingError) -> None:
        """Answer what is not taken, or not surely refused, with why it cannot be told."""
        unsure = [*self.entries, *(entry for refused in self.refused.values() for entry in refused.entries)]
        self.results |= {entry.place: _refusal(error) for entry in unsure}


class ChargeBatch:
    """Takes many charges at once."""

    def __init__(
        self,
        wallets: WalletStore,
        charges: Charges,
        lapsing: Lapsing,
        sharing: Sharing,
        quota: Callable[[], Quota],
    ) -> None:
        self._wallets = wallets
        self._charges = charges
        self._lapsing = lapsing
        self._sharing = sharing
        self._quota = quota

    def run(self, charges: Sequence[Mapping[str, object]]) -> list[Result]:
        """The result of each charge, in order. One that is refused refuses no other; a key works for ever, as alone.

        What DynamoDB could not serve is 503, for the charges of that account which were not taken before: they may be
        sent again. Written under the conditions of a single charge.
        """
        results: dict[int, Result] = {}
        runs: dict[str, _Run] = {}
        tools: set[str | None] = {None}
        for place, request in enumerate(validated_each(ChargeRequest, charges)):
            if isinstance(request, BillingError):
                results[place] = _refusal(request)
                continue
            run = runs.setdefault(request.account_id, _Run(request.account_id))
            try:
                if run.failed is not None:
                    raise run.failed
                # What is refused here is not looked at again: a tool's price is, once a batch.
                run.entries.append(self._entry(place, request, latest=request.tool_id not in tools))
                tools.add(request.tool_id)
            except StoreUnavailable as error:
                # In their order: what follows what could not be served is not taken before it.
                run.failed = error
                results[place] = _refusal(error)
            except BillingError as error:
                results[place] = _refusal(error)
        for run in runs.values():
            try:
                self._take(run)
            except StoreUnavailable as error:
                run.give_up(error)
            results |= run.results
        return [results[place] for place in range(len(charges))]

    def taken_before(self, charges: Sequence[Mapping[str, object]], refusal: BillingError) -> list[Result]:
        """The result of each charge that was taken before, in order; of every other one `refusal`. None is taken.

        503 for the charges of an account whose ledger could not be read.
        """
        results = dict.fromkeys(range(len(charges)), _refusal(refusal))
        asked: dict[str, dict[int, ChargeRequest]] = {}
        for place, request in enumerate(validated_each(ChargeRequest, charges)):
            if not isinstance(request, BillingError):
                asked.setdefault(request.account_id, {})[place] = request
        for account_id, requests in asked.items():
            try:
                stand = self._wallets.ledger.those(account_id, [charge_id_of(each) for each in requests.values()])
            except StoreUnavailable as error:
                results |= dict.fromkeys(requests, _refusal(error))
                continue
            for place, request in requests.items():
                line = stand.get(charge_id_of(request))
                if line is not None and line.fingerprint == fingerprint(request):
                    results[place] = Result(201, charged_answer(line))
        return [results[place] for place in range(len(charges))]

    def _entry(self, place: int, request: ChargeRequest, *, latest: bool) -> _Entry:
        charge_id, asked = charge_id_of(request), fingerprint(request)
        try:
            return _Entry(place, request, charge_id, asked, self._charges.line(request, latest=latest))
        except UNPRICED as wrong:
            return _Entry(place, request, charge_id, asked, wrong=wrong)

    def _take(self, run: _Run) -> None:
        """Take the charges of one account."""
        if len(run.entries) > 1:
            # A batch that is sent again stands as a whole, mostly: one look spares the writes that would be refused.
            first = self._wallets.ledger.transfer(run.account_id, run.entries[0].charge_id)
            self._found(run, first)
        while run.entries:
            run.settle()
            lines = run.first_lines()
            if lines:
                self._write(run, lines)
            elif run.entries:
                self._alone(run)
        self._look_again(run)

    def _alone(self, run: _Run) -> None:
        """Answer the first charge by itself: it cannot be priced, or the plan has not tokens enough for all."""
        entry = run.entries.pop(0)
        if entry.wrong is not None:
            run.refuse(entry, entry.wrong)
            return
        run.known = None
        try:
            done = self._charges.charge(entry.request)
        except StoreUnavailable:
            run.entries.insert(0, entry)
            raise
        except BillingError as error:
            run.refuse(entry, error)
        else:
            run.results[entry.place] = Result(201, done.body)

    def _write(self, run: _Run, lines: Sequence[Line]) -> None:
        """Take as many of the lines as one transaction does, or find out why that cannot be."""
        rule = _Rule(lines, self._sharing, self._quota, run.account_id, self._charges.unchanged, refusing=run.refusing)
        labels = _labels(lines)
        known = run.known if labels <= run.labels else None
        try:
            change = self._wallets.apply(run.account_id, rule, labels, known=known)
        except TransferExists as exists:
            run.known = None
            self._found(run, exists.transfer)
        except SHORT:
            run.known, run.refusing = None, True
            self._lapsing.free(run.account_id)
            run.stands |= self._standing(run)
        except Stale:
            run.known = None
            self._changed(run, lines, rule.folded.tokens)
        else:
            run.labels = labels if known is None else run.labels
            run.done(change, rule.folded)
            if rule.folded.tokens:
                self._quota().tell(run.account_id)

    def _changed(self, run: _Run, lines: Sequence[Line], tokens: int) -> None:
        """A tool costs something else, or the plan's counter did not have the tokens of all.

        What tools cost is looked up again. Tokens are tried again where they may do now, else one by one.
        """
        run.turns += 1
        if run.turns > _TURNS:
            raise StoreUnavailable("The account's usage is changing right now. Try again with the same keys.")
        if any(line.tool is not None for line in lines):
            run.entries = [
                self._entry(entry.place, entry.request, latest=True) if entry.request.tool_id is not None else entry
                for entry in run.entries
            ]
        run.by_plan_alone = tokens > 0 and self._quota().refusal(run.account_id, tokens) is not None

    def _found(self, run: _Run, found: Transfer | None) -> None:
        """Note a line that stands. Where one does, its batch was sent before: look for all, in one request."""
        if found is not None:
            run.stands[found.transfer_id] = found
            run.stands |= self._standing(run) if len(run.entries) > 1 else {}

    def _standing(self, run: _Run) -> dict[str, Transfer]:
        return self._wallets.ledger.those(run.account_id, [entry.charge_id for entry in run.entries])

    def _look_again(self, run: _Run) -> None:
        """Answer what was refused; what was paid for before is not, whatever it would be refused for now."""
        if not run.refused:
            return
        stand = self._wallets.ledger.those(run.account_id, [charge_id for charge_id, _ in run.refused])
        for (charge_id, asked), refused in run.refused.items():
            line = None if charge_id in run.taken else stand.get(charge_id)
            result = _refusal(refused.error) if line is None else _replayed(line, asked)
            run.results |= dict.fromkeys((entry.place for entry in refused.entries), result)


class _Rule:
    """The rule that takes lines together, and what it last made of them."""

    def __init__(
        self,
        lines: Sequence[Line],
        sharing: Sharing,
        quota: Callable[[], Quota],
        account_id: str,
        unchanged: Callable[[Iterable[Line]], list[Write]],
        *,
        refusing: bool,
    ) -> None:
        self._unchanged = unchanged
        self._lines = lines
        self._sharing = sharing
        self._quota = quota
        self._account_id = account_id
        self._refusing = refusing
        self.folded = Folded(Wallet(account_id), (), 0)

    def __call__(self, wallet: Wallet) -> Change[Wallet]:
        self.folded = folded = taken_together(wallet, self._lines, self._sharing.share, refusing=self._refusing)
        taken = {transfer.transfer_id for transfer in folded.transfers}
        tools = self._unchanged(line for line in self._lines if line.charge_id in taken)
        writes = [*self._sharing.counting(folded.splits), *self._by_plan(), *tools]
        return Change(folded.wallet, folded.transfers, writes)

    def _by_plan(self) -> Iterator[Write]:
        if self.folded.tokens:
            yield self._quota().taking(self._account_id, self.folded.tokens)


def _labels(lines: Sequence[Line]) -> frozenset[LabelValue]:
    return frozenset(pair for line in lines for pair in line.request.labels.items())


def _replayed(transfer: Transfer, asked: str) -> Result:
    try:
        return Result(201, charged_answer(check_same(transfer, asked)))
    except BillingError as error:
        return _refusal(error)


def _refusal(error: BillingError) -> Result:
    return Result(error.status, error.view())
