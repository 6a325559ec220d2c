"""GET /api/balance/statement: the ledger's lines with their hashes, for whoever checks the bill; CSV by `Accept`."""

from aerostack_billing.entry.http import Request, TextResponse, endpoint
from aerostack_billing.wallet.bill import as_csv, ndjson


@endpoint
def handler(request: Request) -> TextResponse:
    query = request.query
    page = request.runtime.wallet.bills.page(request.account_id, query("from"), query("to"), query("cursor"))
    headers = {} if page.cursor is None else {"x-next-cursor": page.cursor}
    if "text/csv" in (request.header("accept") or ""):
        return TextResponse({}, headers=headers, text=as_csv(page.lines), media_type="text/csv; charset=utf-8")
    return TextResponse({}, headers=headers, text=ndjson(page.lines), media_type="application/x-ndjson")
