"""What a function may do: by name, and no more."""

from __future__ import annotations

from typing import Any

from tests.template.conftest import as_list
from tests.template.contract import ROUTES, SCHEDULES, STRIPE_FUNCTIONS, WEBHOOK
from tests.template.deployed import stage_parameters

Statements = list[tuple[str, dict[str, Any]]]

TABLES = (
    "AccountsTable",
    "UsageTable",
    "EventsTable",
    "WalletsTable",
    "LedgerTable",
    "CreatorsTable",
    "OutboxTable",
    "NotificationsTable",
)
INDEXES = (
    ("AccountsTable", "agenda"),
    ("WalletsTable", "agenda"),
    ("LedgerTable", "by_seq"),
    ("EventsTable", "by_account"),
    ("CreatorsTable", "agenda"),
    ("NotificationsTable", "agenda"),
)
ENDING_HOLDS = {
    "ChargeFunction",
    "ChargeBatchFunction",
    "ChargeQueueFunction",
    "TakeHoldFunction",
    "CaptureHoldFunction",
    "ExtendHoldFunction",
    "ReleaseHoldFunction",
    "ExpireHoldsFunction",
}
SCANNING = {
    ("AuditFunction", "WalletsTable"): "an audit of all accounts must find them; it runs daily, for no caller",
    ("AuditFunction", "CreatorsTable"): "likewise",
    ("AuditFunction", "UsageTable"): "likewise",
}
STRIPE_SECRET = stage_parameters("prod")["StripeSecretArn"]
SIGNING_SECRET = stage_parameters("prod")["StripeSigningSecretArn"]
STRIPE_EVENTS = {"Fn::GetAtt": ["StripeEventsQueue", "Arn"]}
FAILED_RUNS = {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}
DEAD_LETTERS = {
    "IngestFunction": [
        {"Fn::GetAtt": ["IngestDeadLetterQueue", "Arn"]},
        {"Fn::GetAtt": ["RefusedUsageQueue", "Arn"]},
    ],
    "ChargeQueueFunction": [
        {"Fn::GetAtt": ["ChargeDeadLetterQueue", "Arn"]},
        {"Fn::GetAtt": ["RefusedChargesQueue", "Arn"]},
    ],
}
SENDERS_QUEUES = [{"Fn::GetAtt": [queue, "Arn"]} for queue in ("MailQueue", "WebhookQueue")]
SENDING = "ses:SendEmail"
BUS = {"Fn::GetAtt": ["EventBus", "Arn"]}
PUBLISHER = "PublishEventsFunction"


def granted(statements: Statements, resource: object) -> dict[str, set[str]]:
    """Actions on one resource, by function."""
    actions: dict[str, set[str]] = {}
    for function, statement in statements:
        if resource in as_list(statement["Resource"]):
            actions.setdefault(function, set()).update(as_list(statement["Action"]))
    return actions


def table(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


def index(name: str, of: str) -> dict[str, str]:
    return {"Fn::Sub": f"${{{of}.Arn}}/index/{name}"}


def test_policies_are_written_out_and_never_a_ready_made_one(functions: dict[str, Any]) -> None:
    for logical_id, properties in functions.items():
        assert "Role" not in properties, logical_id
        for policy in properties.get("Policies", []):
            assert isinstance(policy, dict), logical_id
            assert set(policy) == {"Version", "Statement"}, logical_id


def test_no_statement_has_a_wildcard(statements: Statements) -> None:
    assert statements
    for function, statement in statements:
        assert statement["Effect"] == "Allow"
        assert not any("*" in action for action in as_list(statement["Action"])), function
        assert not any("*" in str(resource) for resource in as_list(statement["Resource"])), function
        assert not {"NotAction", "NotResource"} & set(statement), function


def test_every_statement_names_a_table_an_index_the_bus_a_secret_or_a_queue(statements: Statements) -> None:
    indexes = [index(name, of) for of, name in INDEXES]
    secrets = [STRIPE_SECRET, SIGNING_SECRET]
    known = [
        *map(table, TABLES),
        *indexes,
        BUS,
        *secrets,
        *(letters for each in DEAD_LETTERS.values() for letters in as_list(each)),
        FAILED_RUNS,
        STRIPE_EVENTS,
        *SENDERS_QUEUES,
    ]
    for function, statement in statements:
        if statement["Action"] == SENDING:
            continue
        assert all(resource in known for resource in as_list(statement["Resource"])), function


def test_an_index_can_be_queried_and_nothing_else(statements: Statements) -> None:
    for of, name in INDEXES:
        assert set().union(*granted(statements, index(name, of)).values()) == {"dynamodb:Query"}, name


def test_an_agenda_is_for_its_sweeps_and_the_list_for_its_readers(statements: Statements) -> None:
    assert set(granted(statements, index("agenda", "AccountsTable"))) == {"ReconcileFunction"}
    assert set(granted(statements, index("agenda", "WalletsTable"))) == {
        "AutoReloadFunction",
        "ExpireHoldsFunction",
        "FoldSpendingFunction",
        "PayoutFunction",
    }
    assert set(granted(statements, index("agenda", "CreatorsTable"))) == {
        "PayoutFunction",
        "ReconcileFunction",
    }
    readers = {
        "GetTransactionsFunction",
        "GetStatementFunction",
        "GetSpendFunction",
        "GetForecastFunction",
        "GetTimelineFunction",
        "FoldSpendingFunction",
        "PayoutFunction",
    }
    assert set(granted(statements, index("by_seq", "LedgerTable"))) == readers
    assert set(granted(statements, index("by_account", "EventsTable"))) == {"GetTimelineFunction"}


def test_no_role_may_change_or_take_away_what_the_ledger_holds(statements: Statements) -> None:
    # A list of what may be, so that no other way to write (a batch, PartiQL) is overlooked.
    transfers = granted(statements, table("LedgerTable"))
    assert "dynamodb:PutItem" in transfers["ChargeFunction"]
    for function, actions in transfers.items():
        reading = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query"}
        assert actions <= {*reading, "dynamodb:PutItem"}, function


def test_no_wallet_is_written_past_its_version(statements: Statements) -> None:
    for function, actions in granted(statements, table("WalletsTable")).items():
        assert not actions & {"dynamodb:UpdateItem", "dynamodb:BatchWriteItem"}, function


def test_only_what_counts_earnings_or_records_an_account_s_state_may_update_a_creator_s_items(
    statements: Statements,
) -> None:
    # All else on that table is written on the condition that it is as it was read.
    counting = {
        f for f, actions in granted(statements, table("CreatorsTable")).items() if "dynamodb:UpdateItem" in actions
    }
    assert counting == {
        "ChargeFunction",
        "ChargeBatchFunction",
        "ChargeQueueFunction",
        "CaptureHoldFunction",
        "PayoutFunction",
        "RefundChargeFunction",
        # Whose connected account one is, and when it is to be looked at.
        "OnboardCreatorFunction",
        "ReconcileFunction",
        "StripeEventsFunction",
    }


def test_no_function_may_scan_a_table_but_the_one_with_a_reason(statements: Statements) -> None:
    scanning = {
        (function, name)
        for name in TABLES
        for function, actions in granted(statements, table(name)).items()
        if "dynamodb:Scan" in actions
    }
    assert scanning == set(SCANNING)


def test_no_function_may_change_a_table_itself(statements: Statements) -> None:
    allowed = {
        "dynamodb:BatchGetItem",
        "dynamodb:ConditionCheckItem",
        "dynamodb:DeleteItem",
        "dynamodb:GetItem",
        "dynamodb:PutItem",
        "dynamodb:Query",
        "dynamodb:Scan",
        "dynamodb:UpdateItem",
        "events:PutEvents",
        "secretsmanager:GetSecretValue",
        SENDING,
        "sqs:SendMessage",
    }
    for function, statement in statements:
        assert set(as_list(statement["Action"])) <= allowed, function


def test_news_are_put_with_their_effect_and_only_the_publisher_reads_them_and_takes_them_away(
    statements: Statements,
) -> None:
    outbox = granted(statements, table("OutboxTable"))
    assert outbox.pop(PUBLISHER) == {"dynamodb:DeleteItem", "dynamodb:Query"}
    assert set().union(*outbox.values()) == {"dynamodb:PutItem"}


def test_only_the_publisher_may_put_events_and_on_this_bus_alone(statements: Statements) -> None:
    assert granted(statements, BUS) == {PUBLISHER: {"events:PutEvents"}}
    assert [f for f, s in statements if any(a.startswith("events:") for a in as_list(s["Action"]))] == [PUBLISHER]


def test_nothing_is_deleted_but_what_has_ended_was_taken_away_or_was_sent(
    statements: Statements,
) -> None:
    deleting = {
        (function, str(statement["Resource"]))
        for function, statement in statements
        if "dynamodb:DeleteItem" in as_list(statement["Action"])
    }
    holds = {(function, str(table("WalletsTable"))) for function in ENDING_HOLDS}
    assert deleting == {
        ("FreeResourceFunction", str(table("UsageTable"))),
        ("PayoutFunction", str(table("CreatorsTable"))),
        ("PayoutFunction", str(table("WalletsTable"))),
        (PUBLISHER, str(table("OutboxTable"))),
        ("DeleteBudgetFunction", str(table("WalletsTable"))),
        ("FoldSpendingFunction", str(table("WalletsTable"))),
        ("DeleteToolFunction", str(table("CreatorsTable"))),
        *holds,
    }


def test_accounts_are_written_by_functions_that_ask_stripe_and_by_no_other(statements: Statements) -> None:
    writes = {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}
    writers = {f for f, actions in granted(statements, table("AccountsTable")).items() if actions & writes}
    showing = {"PortalFunction", "PreviewFunction", "GetInvoicesFunction", "GetPaymentMethodFunction"}
    reading = {*showing, "SetAutoReloadFunction", "AutoReloadFunction", "LookAheadFunction"}
    assert writers == STRIPE_FUNCTIONS - reading - {"OnboardCreatorFunction", "PayoutFunction"}


def test_only_what_a_queue_feeds_may_put_aside_and_it_may_do_nothing_else_with_a_queue(statements: Statements) -> None:
    # SAM adds what polling the queue takes.
    for function, each in DEAD_LETTERS.items():
        for letters in as_list(each):
            assert granted(statements, letters) == {function: {"sqs:SendMessage"}}


def test_only_the_dispatch_may_have_notices_sent(statements: Statements) -> None:
    for queue in SENDERS_QUEUES:
        assert granted(statements, queue) == {"DispatchNoticesFunction": {"sqs:SendMessage"}}


def test_only_the_sender_of_mail_may_send_it_from_its_own_address_alone(statements: Statements) -> None:
    ((function, statement),) = [found for found in statements if SENDING in as_list(found[1]["Action"])]
    assert function == "SendMailFunction"
    arns = [resource["Fn::Sub"] for resource in statement["Resource"]]
    kinds = [(arn[0] if isinstance(arn, list) else arn).partition(":${AWS::AccountId}:")[2] for arn in arns]
    assert [kind.partition("/")[0] for kind in kinds] == ["identity", "identity", "configuration-set"]
    assert set(statement["Condition"]) == {"StringEquals"}
    assert set(statement["Condition"]["StringEquals"]) == {"ses:FromAddress"}


def test_only_what_runs_asynchronously_may_tell_of_a_failed_run(statements: Statements) -> None:
    # SAM adds it where a destination for failures is named.
    assert granted(statements, FAILED_RUNS) == {name: {"sqs:SendMessage"} for name in (*SCHEDULES, WEBHOOK)}


def test_reading_functions_cannot_write(statements: Statements) -> None:
    reads = {"dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan"}
    readers = {f for f in ROUTES if f.startswith("Get")}
    for function, statement in statements:
        if function in readers - STRIPE_FUNCTIONS:
            assert set(as_list(statement["Action"])) <= reads, function
    # What shows something of Stripe's counts how often it asks.
    for name in TABLES:
        for function, actions in granted(statements, table(name)).items():
            if function in readers & STRIPE_FUNCTIONS:
                assert actions - reads <= ({"dynamodb:UpdateItem"} if name == "EventsTable" else set()), function


def test_the_audit_can_note_and_tell_a_threshold_keep_its_place_and_write_nothing_else(statements: Statements) -> None:
    # It checks an account's version in the transaction that moves its counters to a release's limits.
    reads = {f"dynamodb:{act}" for act in ("BatchGetItem", "ConditionCheckItem", "GetItem", "Query", "Scan")}
    writes = {name: granted(statements, table(name)).get("AuditFunction", set()) - reads for name in TABLES}
    assert {name: actions for name, actions in writes.items() if actions} == {
        "UsageTable": {"dynamodb:UpdateItem"},
        "OutboxTable": {"dynamodb:PutItem"},
        "EventsTable": {"dynamodb:PutItem"},
    }


def test_the_catalog_needs_no_permission_at_all(functions: dict[str, Any]) -> None:
    assert "Policies" not in functions["GetPlansFunction"]


def test_only_functions_that_talk_to_stripe_may_read_its_key(statements: Statements) -> None:
    readers = granted(statements, STRIPE_SECRET)
    assert readers == {name: {"secretsmanager:GetSecretValue"} for name in STRIPE_FUNCTIONS}
