from __future__ import annotations

from pathlib import Path

import pytest

from local.template import Cors, Index, JwtAuthorizer, Schedule, TemplateError, load_app
from tests.local.harness import AUDIENCE, HEAD, ISSUER, PUBLIC, function, load, route, write

JWT = JwtAuthorizer("Jwt", ISSUER, (AUDIENCE,))


def test_a_route_takes_the_api_s_default_authorizer_unless_it_says_none(tmp_path: Path) -> None:
    events = route("GET", "/mine") + route("GET", "/open", PUBLIC)
    mine, public = load(tmp_path, HEAD + function("Get", "get", events)).routes
    assert (mine.key, mine.function, mine.authorizer, mine.scopes) == ("GET /mine", "Get", JWT, ())
    assert (public.key, public.authorizer) == ("GET /open", None)


def test_a_route_asks_for_the_scopes_of_its_event(tmp_path: Path) -> None:
    events = route("PUT", "/metered/{id}", ", Auth: {AuthorizationScopes: [billing:meter, billing:charge]}")
    (metered,) = load(tmp_path, HEAD + function("Put", "put", events)).routes
    assert metered.scopes == ("billing:meter", "billing:charge")


def test_the_cors_configuration_reaches_the_routes(tmp_path: Path) -> None:
    (found,) = load(tmp_path, HEAD + function("Get", "get", route("GET", "/mine"))).routes
    assert found.cors == Cors(("https://app.test",), ("GET", "POST"), ("authorization",), ("x-told",), 60, False)


def test_a_function_has_the_environment_of_globals_and_its_own(tmp_path: Path) -> None:
    template = """\
        Parameters:
          Stage: {Type: String, Default: dev}
          Hosts: {Type: CommaDelimitedList, Default: "a.test, b.test"}
        Conditions:
          IsDev: !Equals [!Ref Stage, dev]
        Mappings:
          Limits: {dev: {items: 10}}
        Globals:
          Function:
            Runtime: python3.13
            Handler: app.handler
            Environment: {Variables: {STAGE: !Ref Stage, TABLE: !Ref Things, HOST: !Select [1, !Ref Hosts]}}
        Resources:
          Things:
            Type: AWS::DynamoDB::Table
            Properties:
              TableName: !Sub "${Stage}-things"
              KeySchema: [{AttributeName: id, KeyType: HASH}]
              AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
          Letters: {Type: AWS::SQS::Queue}
          Get:
            Type: AWS::Serverless::Function
            Properties:
              CodeUri: get/
              Environment:
                Variables:
                  STAGE: other
                  JOINED: !Join [":", [!Ref AWS::Region, "${kept}", !GetAtt Things.Arn]]
                  SUBBED: !Sub ["${a}/${Things.Arn}/${!literal}", {a: !Ref Stage}]
                  CHOSEN: !If [IsDev, yes-dev, not-dev]
                  GONE: !If [IsDev, !Ref "AWS::NoValue", there]
                  LIMIT: !FindInMap [Limits, !Ref Stage, items]
                  FLAG: true
                  QUEUE: !Ref Letters
        """
    found = load(tmp_path, template).functions["Get"].environment
    table = "arn:aws:dynamodb:us-east-1:123456789012:table/dev-things"
    assert found == {
        "STAGE": "other",
        "TABLE": "dev-things",
        "HOST": "b.test",
        "JOINED": f"us-east-1:${{kept}}:{table}",
        "SUBBED": f"dev/{table}/${{literal}}",
        "CHOSEN": "yes-dev",
        "LIMIT": "10",
        "FLAG": "true",
        "QUEUE": "https://sqs.us-east-1.amazonaws.com/123456789012/aerostack-local-Letters",
    }


def test_a_parameter_takes_its_local_value_before_its_default(tmp_path: Path) -> None:
    template = "Parameters: {Stage: {Type: String, Default: dev}}\n" + HEAD
    template += function("Get", "get", more="Environment: {Variables: {STAGE: !Ref Stage}}")
    assert load(tmp_path, template, Stage="local").functions["Get"].environment == {"STAGE": "local"}


def test_a_function_s_code_and_layers_lie_beside_the_template(tmp_path: Path) -> None:
    template = HEAD + "  Common: {Type: AWS::Serverless::LayerVersion, Properties: {ContentUri: layers/common/}}\n"
    template += function("Get", "functions/get", more="Layers: [!Ref Common]")
    found = load(tmp_path, template).functions["Get"]
    assert found.module_path == tmp_path / "functions" / "get" / "app.py"
    assert (found.handler_name, found.timeout_seconds, found.layers) == (
        "handler",
        5,
        (tmp_path / "layers" / "common",),
    )


def test_a_table_is_read_with_its_indexes_and_ttl(tmp_path: Path) -> None:
    template = """\
        Resources:
          Ledger:
            Type: AWS::DynamoDB::Table
            DeletionPolicy: Retain
            Properties:
              BillingMode: PAY_PER_REQUEST
              AttributeDefinitions:
                - {AttributeName: account, AttributeType: S}
                - {AttributeName: seq, AttributeType: N}
              KeySchema:
                - {AttributeName: account, KeyType: HASH}
                - {AttributeName: seq, KeyType: RANGE}
              GlobalSecondaryIndexes:
                - IndexName: by-seq
                  KeySchema: [{AttributeName: seq, KeyType: HASH}]
                  Projection: {ProjectionType: INCLUDE, NonKeyAttributes: [amount]}
              TimeToLiveSpecification: {AttributeName: gone_at, Enabled: true}
        """
    table = load(tmp_path, template).tables["Ledger"]
    assert (table.name, table.hash_key, table.range_key) == ("aerostack-local-Ledger", "account", "seq")
    assert table.attributes == (("account", "S"), ("seq", "N"))
    assert table.global_indexes == (Index("by-seq", "seq", None, "INCLUDE", ("amount",)),)
    assert table.ttl_attribute == "gone_at"


def test_schedules_are_read_and_disabled_ones_left_out(tmp_path: Path) -> None:
    events = """
        Often: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), Input: '{"full": true}'}}
        Never: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes), State: DISABLED}}
        Daily: {Type: Schedule, Properties: {Schedule: cron(0 8 * * ? *)}}
    """
    assert load(tmp_path, HEAD + function("Sweep", "sweep", events)).schedules == (
        Schedule("Sweep.Often", "Sweep", "rate(5 minutes)", '{"full": true}'),
        Schedule("Sweep.Daily", "Sweep", "cron(0 8 * * ? *)", None),
    )


def test_a_resource_whose_condition_does_not_hold_is_not_there(tmp_path: Path) -> None:
    template = "Conditions: {Never: !Not [!Equals [a, a]]}\n" + HEAD
    gone = function("Gone", "gone", route("GET", "/gone")).replace("    Type:", "    Condition: Never\n    Type:", 1)
    assert not load(tmp_path, template + gone).functions


@pytest.mark.parametrize(
    ("addition", "complaint"),
    [
        (
            function("Get", "get", route("GET", "/a") + route("get", "/a").replace("get", "duplicate", 1)),
            "both answer GET /a",
        ),
        (function("Get", "get", "Q: {Type: SNS, Properties: {}}"), "events of type SNS are not served"),
        (function("Get", "get", "Q: {Type: SQS, Properties: {Queue: arn:none}}"), "arn:none is no queue of this"),
        (
            "  Mail: {Type: AWS::SQS::Queue}\n"
            + function("Get", "get", "Q: {Type: SQS, Properties: {Queue: !GetAtt Mail.Arn, BatchSize: 0}}"),
            "BatchSize must be 1 to",
        ),
        ("  Mail: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 9}}\n", "DelaySeconds is not served"),
        ("  Mail: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}\n", "must be messageGroup"),
        (function("Get", "get", route("GET", "/a{b}")), "mixes text and a variable"),
        (function("Get", "get", route("GET", "/{a+}/b")), "greedy variable must be the last"),
        (function("Get", "get", route("GET", "/a", ", Auth: {Authorizer: Other}")), "Authorizer Other is not among"),
        (function("Get", "get", more="InlineCode: x"), "InlineCode is not served"),
        (function("Get", "get", more="FunctionUrlConfig: {AuthType: AWS_IAM}"), "only AuthType NONE"),
        (
            function("Get", "get", more="Environment: {Variables: {A: !Ref Nobody}}"),
            "Nobody is neither a parameter nor",
        ),
        (function("Get", "get", more="Environment: {Variables: {A: !Transform x}}"), "does not know .* Fn::Transform"),
        (
            function("Get", "get", more="Environment: {Variables: {A: '{{resolve:ssm:/x}}'}}"),
            "resolve:ssm:/x.* no local",
        ),
        (
            function("Get", "get", "S: {Type: ScheduleV2, Properties: {ScheduleExpression: at(x)}}"),
            "at.x. is not served",
        ),
        (function("Get", "get").replace("CodeUri", "Uri"), "Get.Properties: CodeUri is missing"),
        ("  Machine: {Type: AWS::StepFunctions::StateMachine}\n", "StateMachine are not served"),
        ("  Api: {Type: AWS::SQS::Queue}\n", "'Api' stands twice"),
    ],
)
def test_what_is_not_understood_is_refused_with_its_place(tmp_path: Path, addition: str, complaint: str) -> None:
    with pytest.raises(TemplateError, match=complaint):
        load(tmp_path, HEAD + addition)


def test_a_parameter_without_any_value_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="parameter Issuer has no local value"):
        load(tmp_path, "Parameters: {Issuer: {Type: String}}\n" + HEAD)


def test_what_only_matters_in_the_cloud_is_passed_over(tmp_path: Path) -> None:
    policies = "Policies: [{Statement: [{Resource: !GetAtt Nothing.Known}]}]"
    assert load(tmp_path, HEAD + function("Get", "get", more=policies)).functions


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n"])
def test_a_file_that_is_no_template_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml"):
        load_app(write(tmp_path, text), {})


def test_the_project_s_own_template_is_understood() -> None:
    app = load_app(Path(__file__).parents[2] / "template.yaml")
    assert "GET /api/billing" in {found.key for found in app.routes}
    assert "StripeWebhookFunction" in app.function_urls
    assert all(found.module_path.is_file() for found in app.functions.values())
