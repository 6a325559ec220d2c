"""What the tool itself will not do; the rooms' own refusals are theirs."""

from __future__ import annotations

from aerostack_billing.values.errors import OperatorRefused


class Refused(OperatorRefused):
    """The tool cannot, or will not, do what was asked: nothing was changed."""

    status, code = 409, "REFUSED"


class NoTarget(Refused):
    """There is no stack to work on, or it cannot be reached."""

    code = "NO_STACK"


class WrongUsage(Refused):
    """The command line does not make sense: exit status 2."""

    status, code = 422, "USAGE"
