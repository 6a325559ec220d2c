"""Operations of notifications: what comes before each, and the one act that is counted."""

from __future__ import annotations

import json
from typing import Any

from aerostack_billing.notifications.dispatch import Dispatch
from aerostack_billing.notifications.hooks import WebhookSender
from tests.benchmarks.budgets import Act, Budget
from tests.benchmarks.place import Place
from tests.benchmarks.registering import operation
from tests.rooms.worlds.notices import PUBLIC, PostBox, Queued, Receiver, message, ses_event
from tests.rooms.worlds.wallet import charge

_HOOK = "https://93.184.216.34/hook"


def choose(place: Place, **more: Any) -> dict[str, Any]:
    """Name a webhook, and ask for one event."""
    chosen = {"emails": [], "events": ["balance.low"], "webhook_url": _HOOK, **more}
    return place.ask("put_notifications", chosen)


@operation("GET /api/billing/notifications", "get_notifications", Budget(2, 0, 2))
def _showing(place: Place) -> Act:
    choose(place)
    return lambda: place.ask("get_notifications")


@operation("PUT /api/billing/notifications, threshold unchanged", "put_notifications", Budget(5, 2, 3))
def _choosing(place: Place) -> Act:
    choose(place)
    return lambda: choose(place, emails=["billing@example.com"])


@operation("PUT /api/billing/notifications with a threshold", "put_notifications", Budget(6, 4, 3))
def _choosing_a_threshold(place: Place) -> Act:
    return lambda: choose(place, balance_low_cents=900)


@operation("PUT /api/billing/notifications, looked ahead for", "put_notifications", Budget(6, 4, 3))
def _choosing_ahead(place: Place) -> Act:
    return lambda: choose(place, events=["usage.forecast"])


@operation("POST /api/billing/notifications/webhook/secret", "rotate_webhook_secret", Budget(2, 1, 1))
def _rotating(place: Place) -> Act:
    choose(place)
    return lambda: place.ask("rotate_webhook_secret", expect=201)


def told(place: Place, *events: str) -> list[str]:
    """The keys of the webhook's notices of these events, which are due."""
    choose(place)
    for event_id in events:
        place.run("make_notices", _fed(message(place.account, event_id)))
    return [notice.item for notice in place.parts.notifications.notices.newest(place.account, 100)]


def _fed(body: str) -> dict[str, object]:
    return {"Records": [{"messageId": "m", "body": body, "eventSource": "aws:sqs"}]}


@operation("make_notices, an event for one webhook", "make_notices", Budget(2, 2, 1))
def _making(place: Place) -> Act:
    choose(place)
    body = message(place.account, "evt_1")
    return lambda: place.run("make_notices", _fed(body))


@operation("make_notices, an event that nobody asks for", "make_notices", Budget(1, 0, 1))
def _making_none(place: Place) -> Act:
    choose(place, events=[])
    body = message(place.account, "evt_1")
    return lambda: place.run("make_notices", _fed(body))


@operation("dispatch_notices, 3 due", "dispatch_notices", Budget(11, 9, 0.5))
def _dispatching(place: Place) -> Act:
    told(place, "evt_1", "evt_2", "evt_3")
    notifications = place.parts.notifications
    notifications.dispatch = Dispatch(notifications.notices, Queued(set()))  # type: ignore[arg-type]
    return lambda: place.run("dispatch_notices")


@operation("look_ahead, one account that has nothing to hear", "look_ahead", Budget(5, 3, 3))
def _looking_ahead(place: Place) -> Act:
    choose(place, events=["usage.forecast"])
    return lambda: place.run("look_ahead")


@operation("send_webhook", "send_webhook", Budget(3, 10, 2))
def _sending(place: Place) -> Act:
    items = told(place, "evt_1")
    notifications = place.parts.notifications
    notifications.webhook_sender = WebhookSender(notifications.notices, PUBLIC, place.parts.telemetry, Receiver().post)
    body = json.dumps({"account_id": place.account, "items": items})
    return lambda: place.run("send_webhook", _fed(body))


def _post_box(place: Place) -> PostBox:
    """The carrier of this place, which takes each mail: one for all its accounts, as the sender keeps its carrier."""
    notifications = place.parts.notifications
    if not isinstance(notifications.carrier, PostBox):
        notifications.carrier = PostBox()
    return notifications.carrier


def _by_mail(place: Place, count: int) -> str:
    """So many notices of one kind for one address, as one message of the queue."""
    choose(place, webhook_url=None, emails=["billing@example.com"])
    for number in range(count):
        place.run("make_notices", _fed(message(place.account, f"evt_{number}")))
    _post_box(place)
    items = [notice.item for notice in place.parts.notifications.notices.newest(place.account, 100)]
    return json.dumps({"account_id": place.account, "items": items})


@operation("make_notices, an event for two addresses", "make_notices", Budget(3, 4, 1))
def _making_mail(place: Place) -> Act:
    choose(place, webhook_url=None, emails=["billing@example.com", "other@example.com"])
    body = message(place.account, "evt_1")
    return lambda: place.run("make_notices", _fed(body))


@operation("send_mail", "send_mail", Budget(4, 11, 2))
def _mailing(place: Place) -> Act:
    body = _by_mail(place, 1)
    return lambda: place.run("send_mail", _fed(body))


@operation("send_mail, 10 notices folded", "send_mail", Budget(4, 101, 11))
def _mailing_a_storm(place: Place) -> Act:
    body = _by_mail(place, 10)
    return lambda: place.run("send_mail", _fed(body))


@operation("make_notices, a mail that was sent", "make_notices", Budget(1, 0, 2))
def _hearing(place: Place) -> Act:
    body = _by_mail(place, 1)
    place.run("send_mail", _fed(body))
    mail = _post_box(place).sent[-1]
    return lambda: place.run("make_notices", _fed(ses_event(mail)))


@operation("make_notices, a mail that bounced", "make_notices", Budget(4, 6, 3))
def _hearing_a_bounce(place: Place) -> Act:
    body = _by_mail(place, 1)
    place.run("send_mail", _fed(body))
    mail = _post_box(place).sent[-1]
    return lambda: place.run("make_notices", _fed(ses_event(mail, "Bounce")))


@operation("GET /api/billing/notifications/deliveries", "list_deliveries", Budget(1, 0, 1))
def _listing(place: Place) -> Act:
    told(place, "evt_1", "evt_2", "evt_3")
    return lambda: place.ask("list_deliveries")


@operation("GET /api/operators/accounts/{account_id}/timeline, a quarter of a year", "get_timeline", Budget(8, 0, 6))
def _looking_back(place: Place) -> Act:
    told(place, "evt_1", "evt_2", "evt_3")
    place.fund(500)
    for spent in range(30):
        charge(place.parts, place.account, 1, key=f"key_{spent}")
    return lambda: place.ask("get_timeline", path={"account_id": place.account})


@operation("POST /api/billing/notifications/test", "test_notifications", Budget(3, 3, 1))
def _testing(place: Place) -> Act:
    choose(place)
    return lambda: place.ask("test_notifications", {"channel": "webhook"}, expect=201)


@operation("POST …/deliveries/{delivery_id}/resend", "resend_delivery", Budget(3, 5, 2))
def _resending(place: Place) -> Act:
    told(place, "evt_1")
    notices = place.parts.notifications.notices
    (notice,) = notices.newest(place.account, 1)
    notices.write([(notice, notice.failed("gone", for_good=True))])
    (delivery,) = place.ask("list_deliveries")["deliveries"]
    return lambda: place.ask("resend_delivery", path={"delivery_id": delivery["id"]})
