"""The steps of the random mode that count: consume, batches, leases, places."""

from __future__ import annotations

from typing import Any

from aerostack_billing.assembly.runtime import Runtime
from aerostack_billing.usage.models import ConsumeRequest, PlaceName
from aerostack_billing.values.errors import BillingError, StoreUnavailable
from tests.rooms.worlds.usage import batch, event, settle, take
from tests.simulation.randomly import Act, Play

_METRICS = ("api_requests", "ai_tokens", "storage_bytes")
_KINDS = ("projects", "team_members")


def _counting(play: Play, account: str, metric: str, quantity: int, key: str | None) -> Act:
    """A consume that notes what was told: what is not answered is unknown until it is asked again."""
    name = account, metric
    answer, unknown = play.answers.counted, play.answers.unknown[name]
    request = ConsumeRequest(account_id=account, metric=metric, quantity=quantity, idempotency_key=key)
    open_under_key: list[int] = []
    answered: list[int] = []

    def act(parts: Runtime) -> object:
        if key is None or not (open_under_key or answered):
            unknown.append(quantity)
            open_under_key.append(quantity)
        try:
            done = parts.usage.metering.consume(request).body
        except BillingError as error:
            if error.status < 500 and open_under_key:
                unknown.remove(open_under_key.pop())
            raise
        if open_under_key:
            unknown.remove(open_under_key.pop())
        if key is None or not answered:
            answer[name] += quantity
            answered.append(quantity)
        return done

    return act


def consume(play: Play) -> None:
    metric = play.chance.choice(_METRICS)
    quantity = play.chance.choice((1, 7, 1_000, 20_000, 10**6, 5 * 10**8))
    if metric == "storage_bytes" and play.chance.random() < 0.4:
        quantity = -quantity
    key = play.key() if play.chance.random() < 0.5 else None
    act = _counting(play, play.account(), metric, quantity, key)
    play.ask(f"consume {metric} {quantity}", act, again=key is not None)


def consume_at_once(play: Play) -> None:
    account, key = play.account(), play.key() if play.chance.random() < 0.5 else None
    if key is None:
        acts = [_counting(play, account, "api_requests", 20_000, None) for _ in range(3)]
    else:
        acts = [_counting(play, account, "api_requests", 20_000, key)] * 3
    play.at_once("consume", acts)


def batch_of_events(play: Play) -> None:
    account = play.account()
    wanted = [
        (play.chance.choice(_METRICS), play.chance.choice((1, 700, 20_000, 10**6, -500)), play.key()) for _ in range(4)
    ]
    wanted = [(metric if quantity > 0 else "storage_bytes", quantity, key) for metric, quantity, key in wanted]
    play.ask(f"batch of {account}", _counting_all(play, account, wanted))


def _counting_all(play: Play, account: str, wanted: list[tuple[str, int, str]]) -> Act:
    """A batch that notes what was told of each event; what of it was not counted is asked for again with the rest."""
    answer, unknown = play.answers.counted, play.answers.unknown
    events = [event(account, quantity, metric, idempotency_key=key) for metric, quantity, key in wanted]
    not_told: set[int] = set()
    passed: set[int] = set()
    asked: list[bool] = []

    def act(parts: Runtime) -> object:
        if not asked:
            asked.append(True)
            for place, (metric, quantity, _) in enumerate(wanted):
                unknown[account, metric].append(quantity)
                not_told.add(place)
        results = batch(parts, *events)
        if any(result["status"] >= 500 for result in results):
            raise StoreUnavailable("Something of the batch was not counted.")
        for place, ((metric, quantity, _), result) in enumerate(zip(wanted, results, strict=True)):
            if place in not_told:
                not_told.discard(place)
                unknown[account, metric].remove(quantity)
            if result["status"] == 200 and place not in passed:
                passed.add(place)
                answer[account, metric] += quantity
        return results

    return act


def lease(play: Play) -> None:
    account, metric = play.account(), play.chance.choice(("api_requests", "ai_tokens"))
    quantity, partial = play.chance.choice((100, 1_000, 50_000)), play.chance.random() < 0.5
    answer, unknown = play.answers.counted, play.answers.unknown[account, metric]

    def act(parts: Runtime) -> object:
        unknown.append(quantity)
        try:
            taken = take(parts, account, quantity, 3_600, metric=metric, allow_partial=partial)
        except BillingError as error:
            if error.status < 500:
                unknown.remove(quantity)
            raise
        unknown.remove(quantity)
        answer[account, metric] += taken["granted"]
        play.leases.append((account, metric, taken))
        return taken

    play.ask(f"lease {quantity} of {metric} for {account}", act, again=False)


def settle_lease(play: Play) -> None:
    if play.leases:
        account, metric, taken = play.chance.choice(play.leases[-10:])
        play.ask(f"settle a lease of {account}", settling(play, account, metric, taken))


def settling(play: Play, account: str, metric: str, taken: dict[str, Any]) -> Act:
    """A settlement that notes what was told."""
    unused = play.chance.randint(0, taken["granted"])
    answer, unknown = play.answers.counted, play.answers.unknown[account, metric]
    tries: list[bool] = []
    known: list[bool] = []

    def act(parts: Runtime) -> object:
        """Nothing returned is known to be nothing only where no earlier try may have returned it."""
        first = not tries
        tries.append(True)
        if first:
            unknown.append(-unused)
        returned = settle(parts, account, taken, taken["granted"] - unused)
        if (returned or first) and not known:
            known.append(True)
            unknown.remove(-unused)
            answer[account, metric] -= unused if returned else 0
        return returned

    return act


def place(play: Play) -> None:
    account, claims = play.account(), play.chance.random() < 0.6
    name = PlaceName(kind=play.chance.choice(_KINDS), id=f"r{play.chance.randrange(8)}")

    def act(parts: Runtime) -> object:
        return parts.usage.resources.claim(account, name) if claims else parts.usage.resources.free(account, name)

    play.ask(f"{'claim' if claims else 'free'} {name.kind} {name.id}", act)
