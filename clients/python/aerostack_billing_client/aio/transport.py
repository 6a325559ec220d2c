"""One request over httpx, and its whole answer or the reason why there is none."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from types import ModuleType
from typing import Protocol

from aerostack_billing_client.addresses import checked_url, host_of
from aerostack_billing_client.calling import Answer, Request, Untrusted
from aerostack_billing_client.errors import Unanswered
from aerostack_billing_client.transport import CONNECT_SECONDS, CONNECTIONS


class Response(Protocol):
    """What httpx answers."""

    @property
    def status_code(self) -> int:
        """The status."""

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""

    @property
    def content(self) -> bytes:
        """The whole body."""


class HttpClient(Protocol):
    """An `AsyncClient` of httpx2 or httpx."""

    async def request(
        self,
        method: str,
        url: str,
        *,
        content: bytes | None,
        headers: Mapping[str, str],
        timeout: object,
        follow_redirects: bool,
    ) -> Response:
        """One request."""

    async def aclose(self) -> None:
        """Drop the kept connections."""


MakeClient = Callable[[], HttpClient]


def httpx_module() -> ModuleType:
    """Httpx2, or else httpx; ImportError that says what to install where there is neither."""
    try:
        import httpx2  # noqa: PLC0415
    except ImportError:
        pass
    else:
        return httpx2
    try:
        import httpx  # noqa: PLC0415
    except ImportError as error:
        raise ImportError(
            "The async client needs httpx2 or httpx: pip install 'aerostack-billing-client[async]'"
        ) from error
    return httpx


class AsyncTransport:
    """Sends requests to one service over kept connections; for any number of tasks of one event loop."""

    def __init__(self, base_url: str, make_client: MakeClient | None = None) -> None:
        self._base_url = checked_url(base_url)
        self._httpx = httpx_module()
        self._client: HttpClient = make_client() if make_client else self._made()

    async def send(self, request: Request) -> Answer:
        """One request, once; no redirect is followed. Unanswered if no whole answer comes in time."""
        try:
            answer = await self._client.request(
                request.method,
                self._base_url + request.target,
                content=request.body,
                headers=request.headers,
                timeout=self._httpx.Timeout(request.seconds, connect=min(CONNECT_SECONDS, request.seconds)),
                follow_redirects=False,
            )
        except Exception as error:
            # By name: the client that was handed in may be of the other package.
            unanswered = _unanswered(error, host_of(self._base_url))
            if unanswered is None:
                raise
            raise unanswered from error
        return Answer(
            answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, answer.content
        )

    async def aclose(self) -> None:
        """Drop the kept connections."""
        await self._client.aclose()

    def _made(self) -> HttpClient:
        limits = self._httpx.Limits(max_connections=None, max_keepalive_connections=CONNECTIONS)
        # Neither a proxy nor credentials are taken from the environment: as the other client does.
        client: HttpClient = self._httpx.AsyncClient(limits=limits, trust_env=False)
        return client


def _unanswered(error: Exception, host: str) -> Unanswered | None:
    names = {kind.__name__ for kind in type(error).__mro__}
    if names & {"ConnectError", "ConnectTimeout", "PoolTimeout"}:
        if _untrusted(error):
            return Untrusted(f"The certificate of {host} is not to be trusted.", sent=False)
        return Unanswered(f"The service could not be reached at {host}.", sent=False)
    if "RequestError" in names:
        return Unanswered(f"The service at {host} gave no whole answer.")
    return None


def _untrusted(error: BaseException) -> bool:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return True
        cause = cause.__cause__ or cause.__context__
    return False
