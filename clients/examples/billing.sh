#!/usr/bin/env bash
# Count, charge and hold with curl. On the local stack (make run), once the account has money:
#
#   BILLING_URL=http://127.0.0.1:3000 ACCOUNT=acct_demo REQUEST_ID=req-1 \
#     METER_TOKEN=$(make -s token ACCOUNT=svc_gateway SCOPES=billing:meter) \
#     CHARGE_TOKEN=$(make -s token ACCOUNT=svc_bots SCOPES=billing:charge) clients/examples/billing.sh
#
# REQUEST_ID names what is being served. The keys come from it: run again with the same id, everything happens once.
set -euo pipefail
: "${BILLING_URL:?}" "${ACCOUNT:?}" "${REQUEST_ID:?}" "${METER_TOKEN:?}" "${CHARGE_TOKEN:?}"

answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# post PATH TOKEN BODY: prints the answer to a success; a refusal goes to stderr and fails.
#
# curl repeats lost connections, 429 and 5xx, waits as long as Retry-After says, and sends the same body each time: the
# same key. It leaves other 4xx alone, as it must. The token is no argument: those can be seen by others.
post() {
  local status
  status=$(curl --silent --show-error --retry 5 --retry-all-errors --retry-max-time 30 --max-time 12 \
    --output "$answer" --write-out '%{http_code}' --header @<(printf 'Authorization: Bearer %s' "$2") \
    --header 'Content-Type: application/json' --data "$3" "$BILLING_URL$1")
  case $status in
    2*) cat "$answer" && echo ;;
    *) cat "$answer" >&2 && return 1 ;;
  esac
}

# One request of the account's, if its plan has room for it: else 403 PLAN_LIMIT_EXCEEDED.
post /api/billing/usage/consume "$METER_TOKEN" \
  '{"account_id": "'"$ACCOUNT"'", "metric": "api_requests", "idempotency_key": "'"$REQUEST_ID"'"}'

# A price that is known: 0.34 cents, or 402 INSUFFICIENT_BALANCE.
post /api/balance/charges "$CHARGE_TOKEN" \
  '{"account_id": "'"$ACCOUNT"'", "kind": "bot_conversation", "amount_cents": "0.34", "billing_mode": "wallet",
    "idempotency_key": "'"$REQUEST_ID"'"}'

# A price that is known when the work is done: set 100 cents aside, work, then take what it cost.
held=$(post /api/balance/holds "$CHARGE_TOKEN" \
  '{"account_id": "'"$ACCOUNT"'", "kind": "agent_execution", "amount_cents": 100, "idempotency_key": "'"$REQUEST_ID"'"}')
hold_id=$(sed -E 's/.*"hold_id": *"([^"]+)".*/\1/' <<<"$held")
if cost=$(echo 12.34); then # the work
  post "/api/balance/holds/$hold_id/capture" "$CHARGE_TOKEN" \
    '{"account_id": "'"$ACCOUNT"'", "amount_cents": "'"$cost"'", "idempotency_key": "'"$REQUEST_ID"'"}'
else
  post "/api/balance/holds/$hold_id/release" "$CHARGE_TOKEN" \
    '{"account_id": "'"$ACCOUNT"'", "idempotency_key": "'"$REQUEST_ID"'"}'
fi
