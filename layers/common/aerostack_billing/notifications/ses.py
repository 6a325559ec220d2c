"""Amazon SES as the carrier of mail: version 2 of its API, one request and no repetition by the SDK."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Final, Protocol

from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, EndpointConnectionError

from aerostack_billing.notifications.mail import Mail, MailRefused, MailUnknown, Tracking
from aerostack_billing.platform import deadline
from aerostack_billing.values.paging import packed, unpacked

SEND_SECONDS: Final = 12.0
"""What one request needs at most, the connection included."""
_NEVER_LEFT = (ConnectTimeoutError, EndpointConnectionError)
_FOR_GOOD = frozenset({"BadRequestException"})
_SERVER_ERROR = 500
_ACCOUNT, _NOTICE, _ATTEMPT = "account", "notice", "attempt"


class SesClient(Protocol):
    """What is used of botocore's client of SES v2."""

    def send_email(self, **params: object) -> object:
        """POST /v2/email/outbound-emails."""


class Ses:
    """Sends by SES. Its client is made when something is sent, and must not repeat a request by itself."""

    def __init__(self, connect: Callable[[], SesClient], sender: str, configuration_set: str) -> None:
        self._connect = connect
        self._sender = sender
        self._configuration_set = configuration_set

    @cached_property
    def _client(self) -> SesClient:
        return self._connect()

    def send(self, mail: Mail) -> None:
        """Hand one mail to SES. MailRefused where it did not take it; MailUnknown for a timeout or an error of its own.

        An address that SES cannot read is refused for good. All else may pass: a rate that was passed, an identity that
        is not verified yet, sending that is paused.
        """
        if not deadline.allows(SEND_SECONDS):
            raise MailRefused("there was no time left to reach SES")
        try:
            self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [mail.recipient]},
                ConfigurationSetName=self._configuration_set,
                EmailTags=[{"Name": name, "Value": value} for name, value in tags_of(mail.tracking).items()],
                Content={
                    "Simple": {
                        "Subject": {"Data": mail.subject, "Charset": "UTF-8"},
                        "Body": {
                            "Text": {"Data": mail.text, "Charset": "UTF-8"},
                            "Html": {"Data": mail.html, "Charset": "UTF-8"},
                        },
                        "Headers": [{"Name": "List-Unsubscribe", "Value": f"<{mail.unsubscribe_url}>"}],
                    }
                },
            )
        except ClientError as error:
            raise _told(error) from error
        except _NEVER_LEFT as error:
            raise MailRefused("SES could not be reached") from error
        except BotoCoreError as error:
            raise MailUnknown("SES did not answer") from error


def _told(error: ClientError) -> MailRefused | MailUnknown:
    code = str(error.response.get("Error", {}).get("Code", "")) or "an error"
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", _SERVER_ERROR)
    if status >= _SERVER_ERROR:
        return MailUnknown(f"SES answered {status}")
    return MailRefused(f"SES refused it: {code}", for_good=code in _FOR_GOOD)


def tags_of(tracking: Tracking) -> dict[str, str]:
    """What leads back, as tags: SES takes letters, digits, dashes and underscores."""
    return {_ACCOUNT: packed(tracking.account_id), _NOTICE: packed(tracking.item), _ATTEMPT: tracking.claim}


def tracking_of(tags: object) -> Tracking:
    """The tags of one of SES's events, read back. TypeError or ValueError for what has none of ours."""
    if not isinstance(tags, dict):
        raise TypeError("the event has no tags")
    listed = [tags.get(name) for name in (_ACCOUNT, _NOTICE, _ATTEMPT)]
    account, item, claim = (each[0] if isinstance(each, list) and each else None for each in listed)
    if not (isinstance(account, str) and isinstance(item, str) and isinstance(claim, str)):
        raise TypeError("the event has not the tags of a notice")
    return Tracking(unpacked(account), unpacked(item), claim)
