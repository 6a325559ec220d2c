"""The person at Stripe's pages, and whoever sits at its dashboard."""

from __future__ import annotations

import urllib.parse
from typing import Any

from werkzeug.test import Client

from local.stripe import LocalStripe
from tests.rooms.worlds.stripe import StripeWorld


class Person(StripeWorld):
    """The person at Stripe's pages and the stack's doors, without a socket."""

    def __init__(self, stripe_here: LocalStripe, base: str) -> None:
        super().__init__(stripe_here, base)
        self._http = Client(stripe_here.wsgi_app, use_cookies=False)

    def submit(self, url: str, **form: str) -> tuple[int, str]:
        answer = self._http.post(urllib.parse.urlsplit(url).path, data=form)
        return answer.status_code, answer.headers.get("Location", "")

    def api(self, path: str) -> dict[str, Any]:
        found = self._http.get(f"/v1/{path}", headers={"Authorization": "Bearer sk_test_local"}).get_json()
        assert isinstance(found, dict)
        return found

    def post(self, path: str) -> None:
        """A call of Stripe's API that is none of the layer's."""
        answer = self._http.post(f"/v1/{path}", headers={"Authorization": "Bearer sk_test_local"})
        assert answer.status_code == 200, answer.get_data(as_text=True)

    def try_post(self, path: str, **params: str) -> dict[str, Any] | None:
        """What a call of Stripe's API answers; None where it is refused."""
        answer = self._http.post(f"/v1/{path}", data=params, headers={"Authorization": "Bearer sk_test_local"})
        return answer.get_json() if answer.status_code == 200 else None

    def try_delete(self, path: str) -> bool:
        """Whether Stripe's API deleted, or ended, what `path` names."""
        return self._http.delete(f"/v1/{path}", headers={"Authorization": "Bearer sk_test_local"}).status_code == 200

    def door(self, path: str, body: dict[str, object]) -> object:
        answer = self._http.post(f"/{path}", json=body)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return answer.get_json()

    def try_door(self, path: str, body: dict[str, object]) -> bool:
        """A door that may refuse: what is asked there may be over."""
        return self._http.post(f"/{path}", json=body).status_code == 200

    def events(self) -> list[dict[str, Any]]:
        return list(self.stripe.world.all("event").values())
