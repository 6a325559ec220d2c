"""Users and services come in with each identity provider's tokens, set up as docs/identity-providers.md says."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from local.stack import Stack
from local.testing import running_stack
from tests.flows.client import BACK, Api

DOCUMENT = Path(__file__).parents[2] / "docs" / "identity-providers.md"
COGNITO = "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_Ab1Cd2Ef3"


@dataclass(frozen=True)
class Setup:
    """How a stage is set up for a provider, and what its tokens hold."""

    name: str
    parameters: Mapping[str, str]
    services: str
    """Whose tokens the services have."""
    user: str = "acct_1"
    owner: Mapping[str, object] = field(default_factory=dict)
    member: Mapping[str, object] = field(default_factory=dict)
    account: str = "acct_1"

    @property
    def meter(self) -> str:
        return self.parameters.get("MeterScope", "billing:meter")


ORGANISATION = "org_2abc"
BY_COGNITO = {
    "ServiceJwtIssuer": COGNITO,
    "ServiceJwtAudience": "3n4b5urk1ft4fl3mg5e62d9ado",
    "MeterScope": "server/billing.meter",
    "ChargeScope": "server/billing.charge",
}
SETUPS = [
    Setup(
        "cognito",
        BY_COGNITO | {"JwtIssuer": COGNITO, "JwtAudience": "1example23456789", "RoleClaim": "cognito:groups"},
        "cognito",
        user="5d3f8a10-6c3e-4b7e-8d57-1c9a3f2b7e11",
        owner={"cognito:groups": ["staff", "billing"]},
        member={"cognito:groups": ["staff"]},
        account="5d3f8a10-6c3e-4b7e-8d57-1c9a3f2b7e11",
    ),
    Setup(
        "auth0",
        {
            "JwtIssuer": "https://example.eu.auth0.com/",
            "JwtAudience": "https://api.example.com",
            "ServiceJwtAudience": "https://billing.example.com/services",
            "AccountClaim": "org_id",
            "RoleClaim": "role",
        },
        "auth0",
        user="auth0|5f7c8ec7c33c6c004bbafe82",
        owner={"org_id": ORGANISATION, "role": "owner"},
        member={"org_id": ORGANISATION, "role": "viewer"},
        account=ORGANISATION,
    ),
    Setup(
        "clerk",
        BY_COGNITO
        | {
            "JwtIssuer": "https://clerk.example.com",
            "JwtAudience": "aerostack-api",
            "AccountClaim": "org_id",
            "RoleClaim": "org_role",
            "RoleNames": "org:admin",
        },
        "cognito",
        user="user_2abc",
        owner={"org_id": ORGANISATION, "org_role": "org:admin"},
        member={"org_id": ORGANISATION, "org_role": "org:member"},
        account=ORGANISATION,
    ),
    Setup(
        "entra",
        BY_COGNITO
        | {
            "JwtIssuer": "https://login.microsoftonline.com/6babcaad-604b-40ac-a9d7-9fd97c0b779f/v2.0",
            "JwtAudience": "d5a7dbbb-7d1f-4a0e-9b40-2c7e2b7a6ef1",
            "RoleClaim": "roles",
        },
        "cognito",
        user="-Q3wp9PX4c9KZ_-beginsWithADash",
        owner={"roles": ["admin", "reader"]},
        member={"roles": ["reader"]},
        account="-Q3wp9PX4c9KZ_-beginsWithADash",
    ),
    Setup(
        "keycloak",
        {
            "JwtIssuer": "https://id.example.com/realms/aerostack",
            "JwtAudience": "aerostack-api",
            "ServiceJwtAudience": "aerostack-services",
            "AccountClaim": "tenant",
            "RoleClaim": "billing_role",
        },
        "keycloak",
        user="f:8d7b:anna",
        owner={"tenant": "tenant-7", "billing_role": ["owner"]},
        member={"tenant": "tenant-7"},
        account="tenant-7",
    ),
]


@pytest.fixture(scope="module", params=SETUPS, ids=lambda setup: setup.name)
def setup(request: pytest.FixtureRequest) -> Setup:
    assert isinstance(request.param, Setup)
    return request.param


@pytest.fixture(scope="module")
def stack(setup: Setup) -> Iterator[Stack]:
    with running_stack(parameters=setup.parameters) as running:
        yield running


@pytest.fixture
def api(stack: Stack) -> Api:
    return Api(stack)


@pytest.fixture
def owner(stack: Stack, setup: Setup) -> str:
    return stack.token(setup.user, provider=setup.name, claims=setup.owner)


@pytest.fixture
def member(stack: Stack, setup: Setup) -> str:
    return stack.token(setup.user, provider=setup.name, claims=setup.member)


@pytest.fixture
def service(stack: Stack, setup: Setup) -> str:
    return stack.token("billing-gateway", setup.meter, provider=setup.services)


def consume(api: Api, token: str, account: str) -> tuple[int, dict[str, object]]:
    body = {"account_id": account, "metric": "api_requests", "quantity": 7}
    answer = api.send("POST", "/api/billing/usage/consume", token=token, body=body)
    return answer.status_code, answer.json()


def test_what_a_service_counts_is_the_account_s_that_the_user_s_token_names(
    api: Api, setup: Setup, owner: str, service: str
) -> None:
    before = api.send("GET", "/api/billing/usage", token=owner).json()["usage"]["api_requests"]["used"]
    assert consume(api, service, setup.account)[0] == 200
    after = api.send("GET", "/api/billing/usage", token=owner).json()["usage"]["api_requests"]["used"]
    assert after == before + 7


def test_an_owner_may_buy(api: Api, owner: str) -> None:
    wanted = {"amount_cents": 2_500, **BACK}
    assert api.send("POST", "/api/balance/deposit", token=owner, body=wanted).status_code == 200


@pytest.mark.parametrize("path", ["/api/billing", "/api/billing/usage", "/api/balance", "/api/balance/transactions"])
def test_a_member_may_look(api: Api, member: str, path: str) -> None:
    assert api.send("GET", path, token=member).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/api/balance/deposit"),
        ("POST", "/api/billing/checkout"),
        ("POST", "/api/billing/cancel"),
        ("PUT", "/api/balance/auto-reload"),
        ("GET", "/api/billing/portal"),
        ("GET", "/api/billing/verify-session?session_id=cs_x"),
        ("POST", "/api/billing/portal"),
        ("POST", "/api/billing/verify-session"),
        ("POST", "/api/creators/onboard"),
    ],
)
def test_a_member_may_not_change_anything_nor_go_to_stripe(api: Api, member: str, method: str, path: str) -> None:
    answer = api.send(method, path, token=member, body={} if method != "GET" else None)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ROLE_FORBIDDEN")
    assert answer.json()["error"]["details"]["roles"]


def test_a_user_s_token_opens_no_service_route_even_with_the_scope(
    stack: Stack, api: Api, setup: Setup, owner: str
) -> None:
    assert consume(api, owner, setup.account)[0] in (401, 403)
    stolen = stack.token(setup.user, provider=setup.name, claims={**setup.owner, "scope": setup.meter})
    assert consume(api, stolen, setup.account)[0] == 401


def test_a_service_s_token_opens_no_user_route(api: Api, service: str) -> None:
    assert api.send("GET", "/api/billing", token=service).status_code == 401


def test_a_token_without_the_account_s_claim_names_no_account(stack: Stack, api: Api, setup: Setup) -> None:
    claim = setup.parameters.get("AccountClaim", "sub")
    bare = stack.token(setup.user, provider=setup.name, claims={claim: ""} if claim != "sub" else {"sub": "a#b"})
    answer = api.send("GET", "/api/billing", token=bare)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "UNAUTHORIZED")
    assert claim in answer.json()["error"]["message"]


def test_the_page_shows_each_provider_s_settings_as_they_are_run_here(setup: Setup) -> None:
    sections = re.split(r"^## ", DOCUMENT.read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = [each for each in sections if each.lower().startswith(setup.name)]
    shown = dict(re.findall(r'^  "(\w+)=(.*)",$', section, re.MULTILINE))
    assert shown == dict(setup.parameters)


def test_a_service_s_token_without_a_scope_opens_nothing(stack: Stack, api: Api, setup: Setup) -> None:
    # As Entra ID makes them: what the service may do stands in `roles`, at which API Gateway does not look.
    token = stack.token("billing-gateway", setup.meter, provider="entra")
    assert consume(api, token, setup.account)[0] == 403
