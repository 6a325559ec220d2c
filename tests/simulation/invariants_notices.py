"""What must hold of notices: one mail for each event and person, never none, and to nobody who is muted.

A second mail is allowed where decision 44 says that it cannot be told: the outcome of the first was lost, and SES's
word that it was sent too.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime

from tests.simulation.domain_events import events
from tests.simulation.post import Mailed
from tests.simulation.tables import Json, Tables
from tests.simulation.world import World


def mailed_once(world: World, _tables: Tables) -> list[str]:
    """Each mail tells events that there are, to who is not muted; and no event a second time without need."""
    there = {detail["id"] for detail in world.bus.put}
    of_each: dict[tuple[str, str], list[Mailed]] = defaultdict(list)
    wrong = []
    for mailed in world.post.kept.mails:
        address = mailed.sent.recipient
        if not mailed.events or not there.issuperset(mailed.events):
            wrong.append(f"{address} was sent a mail of {mailed.events}, and these events are there: {there}")
        if mailed.to_the_muted:
            wrong.append(f"{address} was sent {mailed.events} though it is muted")
        for event_id in mailed.events:
            of_each[event_id, address].append(mailed)
    for (event_id, address), mails in of_each.items():
        needed = sum(mailed.untold for mailed in mails[:-1]) if world.calls.struck is not None else 0
        if len(mails) > 1 + needed:
            wrong.append(f"{address} was sent {len(mails)} mails of {event_id}")
    return wrong


def all_are_told(world: World, tables: Tables) -> list[str]:
    """Nobody whom an account names goes without a notice of an event that it asked for; nothing waits."""
    kept = world.post.kept
    mailed = {(mail.sent.recipient, event_id) for mail in kept.mails for event_id in mail.events}
    told = mailed | {("", event_id) for event_id in kept.posted}
    missing = [f"{who or 'the webhook'} was not told of {event_id}" for who, event_id in _asked(world, tables) - told]
    twice = len(kept.posted) - len(set(kept.posted))
    if twice and world.calls.struck is None:
        missing.append(f"{twice} webhooks came twice though nothing broke")
    rows = tables.of("NotificationsTable", "notice#")
    return missing + [f"{row['item']} is {row['state']}" for row in rows if row["state"] in {"waiting", "sending"}]


def _asked(world: World, tables: Tables) -> set[tuple[str, str]]:
    """Recipients and the events that they are to be told of."""
    wanted = {row["account_id"]: row["events"] for row in tables.of("NotificationsTable", "settings")}
    return {
        (who, event["id"])
        for (account, who), since in world.post.kept.since.items()
        for event in _since(world, account, since)
        if event["type"] in wanted.get(account, [])
    }


def _since(world: World, account: str, since: float | None) -> Iterator[Json]:
    for event in events(world) if since is not None else ():
        if event["account_id"] == account and datetime.fromisoformat(event["occurred_at"]).timestamp() >= (since or 0):
            yield event


ALWAYS = (mailed_once,)
SETTLED = (all_are_told,)
