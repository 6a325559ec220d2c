"""Stripe's errors as types: what an API call raises, and the JSON that the caller sees."""

from __future__ import annotations

from local.stripe.objects import Json


class StripeError(Exception):
    """One refusal as Stripe words it: an HTTP status and the fields of its `error` object."""

    def __init__(
        self,
        status: int,
        error_type: str,
        message: str,
        code: str | None = None,
        param: str | None = None,
        extra: Json | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.code = code
        self.param = param
        self.extra = extra or {}

    def body(self) -> Json:
        """The JSON of the answer; fields that say nothing are left out, as Stripe leaves them out."""
        error: Json = {"type": self.error_type, "message": self.message}
        if self.code is not None:
            error["code"] = self.code
            error["doc_url"] = f"https://stripe.com/docs/error-codes/{self.code.replace('_', '-')}"
        if self.param is not None:
            error["param"] = self.param
        error.update(self.extra)
        return {"error": error}


def invalid(message: str, code: str | None = None, param: str | None = None, status: int = 400) -> StripeError:
    """The request cannot be carried out as it stands."""
    return StripeError(status, "invalid_request_error", message, code, param)


def missing(kind: str, object_id: str, param: str | None = "id") -> StripeError:
    """No object of that kind has that id."""
    noun = kind.replace("billing_portal.", "").replace(".", " ")
    return invalid(f"No such {noun}: '{object_id}'", "resource_missing", param, status=404)


def declined(message: str, code: str, decline_code: str | None, extra: Json | None = None) -> StripeError:
    """The card was refused: 402, with the bank's reason."""
    more: Json = dict(extra or {})
    if decline_code is not None:
        more["decline_code"] = decline_code
    return StripeError(402, "card_error", message, code, None, more)
