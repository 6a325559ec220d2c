"""No address of a stranger's is ever led to."""

from __future__ import annotations

import pytest

from aerostack_billing.values.errors import InvalidRedirectUrl
from aerostack_billing.values.redirects import RedirectPolicy, with_session_id

DEPLOYED = RedirectPolicy(frozenset({"app.aerostack.dev"}), loopback=False)
LOCAL = RedirectPolicy(frozenset({"app.aerostack.dev"}), loopback=True)


@pytest.mark.parametrize(
    "url",
    [
        "https://app.aerostack.dev/settings/billing?success=true",
        "https://APP.aerostack.dev/",
        "https://app.aerostack.dev:8443/#/billing",
    ],
)
def test_https_on_an_allowed_host_passes_unchanged(url: str) -> None:
    assert DEPLOYED.check("success_url", url) == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "javascript:alert(1)",
        "data:text/html,x",
        "//app.aerostack.dev/",
        "/settings",
        "http://app.aerostack.dev/",
        "https://evil.example/",
        "https://app.aerostack.dev.evil.example/",
        "https://evil.example/app.aerostack.dev",
        "https://app.aerostack.dev@evil.example/",
        "https://user:pass@app.aerostack.dev/",
        "https://evil.example\\@app.aerostack.dev/",
        "https://app.aerostack.dev\\.evil.example/",
        "https://app.aerostack.dev/\r\nSet-Cookie: a=b",
        "https://app.aerostack.dev/ x",
        "https://app.aerostack.dev/\n",
        "https://app.aerostack.dev/?a={CHECKOUT_SESSION_ID}",
        "https://app.aerostack.dev:port/",
        "https://[::1/",
        "https://\u0430pp.aerostack.dev/",  # a Cyrillic letter
        "https://localhost/",
        "https://app.aerostack.dev/" + "a" * 2000,
    ],
)
def test_anything_else_is_refused_with_the_field_named(url: str) -> None:
    with pytest.raises(InvalidRedirectUrl) as refused:
        DEPLOYED.check("cancel_url", url)
    assert refused.value.status == 422
    assert "cancel_url" in refused.value.details


@pytest.mark.parametrize("url", ["http://localhost/a?b=c", "http://127.0.0.1:3000/", "http://[::1]:5173/x"])
def test_loopback_is_allowed_on_the_local_stack_alone(url: str) -> None:
    assert LOCAL.check("success_url", url) == url
    with pytest.raises(InvalidRedirectUrl):
        DEPLOYED.check("success_url", url)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a/b", "https://a/b?session_id={CHECKOUT_SESSION_ID}"),
        ("https://a/b?c=d", "https://a/b?c=d&session_id={CHECKOUT_SESSION_ID}"),
        ("https://a/b#/c", "https://a/b?session_id={CHECKOUT_SESSION_ID}#/c"),
    ],
)
def test_the_session_id_is_appended_to_the_query(url: str, expected: str) -> None:
    assert with_session_id(url) == expected
