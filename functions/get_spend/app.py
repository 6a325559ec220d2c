"""GET /api/balance/spend: what was spent, by day and by what it was for; CSV by `Accept`."""

from aerostack_billing.entry.http import Request, Response, TextResponse, endpoint
from aerostack_billing.wallet.spending_view import Question, as_csv


@endpoint
def handler(request: Request) -> Response:
    query = request.query
    question = Question.asked(query("from"), query("to"), query("bucket"), query("by"))
    answer = request.runtime.wallet.spending.show(request.account_id, question)
    if "text/csv" in (request.header("accept") or ""):
        return TextResponse({}, text=as_csv(answer), media_type="text/csv; charset=utf-8")
    return Response(answer)
