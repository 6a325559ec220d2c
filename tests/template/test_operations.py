"""Backups, the event archive, the budget, domains and the hosted page: there when asked for, and only then."""

from __future__ import annotations

from typing import Any

import pytest

from local.gateway.pages import security_headers
from tests.template.deployed import PSEUDO, Deployed, deployed, stage_parameters
from tests.template.rules import refusals

API = {
    "ApiDomain": "api.example.com",
    "ApiCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/7f2b1a5c-1111-2222-3333-444455556666",
}
PAGE = {
    "HostDashboard": "true",
    "DashboardDomain": "billing.example.com",
    "DashboardCertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/8f2b1a5c-1111-2222-3333-444455556666",
    "DashboardWebAclArn": "arn:aws:wafv2:us-east-1:123456789012:global/webacl/page/1a2b3c4d",
}
VAULT = "arn:aws:backup:eu-west-1:210987654321:backup-vault:aerostack"


def stack(**given: str) -> Deployed:
    return deployed(stage_parameters("prod") | given)


@pytest.mark.parametrize(
    "given",
    [API, {"HostDashboard": "true"}, PAGE, API | PAGE, {"BackupCopyVaultArn": VAULT}, {"BackupRetentionDays": "0"}],
    ids="+".join,
)
def test_every_reference_resolves_whatever_is_asked_for(template: dict[str, Any], given: dict[str, str]) -> None:
    assert refusals(template, stage_parameters("prod") | given) == []
    made = stack(**given)
    assert {name for _, name in made.references()} - {*made.resources, *PSEUDO} == set()


def test_every_table_in_use_is_backed_up_daily(prod: Deployed) -> None:
    selected = prod.only("AWS::Backup::BackupSelection")["BackupSelection"]["Resources"]
    tables = prod.of_type("AWS::DynamoDB::Table")
    assert sorted(each["Fn::GetAtt"][0] for each in selected) == sorted(tables)
    (rule,) = prod.only("AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    assert rule["ScheduleExpression"].startswith("cron(0 3 * *")
    assert "CopyActions" not in rule


def test_a_restored_table_is_backed_up_in_place_of_the_damaged_one() -> None:
    selected = stack(RestoredUsageTable="usage-2").only("AWS::Backup::BackupSelection")["BackupSelection"]["Resources"]
    assert [each for each in selected if str(each.get("Fn::Sub", "")).endswith("table/usage-2")]
    assert {"Fn::GetAtt": ["UsageTable", "Arn"]} not in selected


def test_backups_are_copied_to_the_vault_that_is_named_and_kept_there_as_long() -> None:
    made = stack(BackupCopyVaultArn=VAULT, BackupRetentionDays="90")
    (rule,) = made.only("AWS::Backup::BackupPlan")["BackupPlan"]["BackupPlanRule"]
    assert rule["CopyActions"] == [{"DestinationBackupVaultArn": VAULT, "Lifecycle": {"DeleteAfterDays": "90"}}]
    assert rule["Lifecycle"] == {"DeleteAfterDays": "90"}


def test_no_backups_make_no_vault() -> None:
    made = stack(BackupRetentionDays="0")
    assert not [name for name, r in made.resources.items() if r["Type"].startswith("AWS::Backup::")]


def test_every_domain_event_can_be_replayed(prod: Deployed) -> None:
    archive = prod.only("AWS::Events::Archive")
    assert archive["SourceArn"] == {"Fn::GetAtt": ["EventBus", "Arn"]}
    assert "EventPattern" not in archive
    assert int(archive["RetentionDays"]) >= 14


def test_a_budget_is_of_this_stack_alone_and_is_told_to_somebody(template: dict[str, Any]) -> None:
    assert "AWS::Budgets::Budget" not in {r["Type"] for r in stack().resources.values()}
    given = {"MonthlyBudgetDollars": "500", "AlarmEmail": "oncall@example.com"}
    budget = stack(**given).only("AWS::Budgets::Budget")
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "500", "Unit": "USD"}
    (only,) = budget["Budget"]["CostFilters"]["TagKeyValue"]
    assert only == {"Fn::Join": ["$", ["aws:cloudformation:stack-name", {"Ref": "AWS::StackName"}]]}
    answer = [s["Address"] for n in budget["NotificationsWithSubscribers"] for s in n["Subscribers"]]
    assert set(answer) == {"oncall@example.com"}
    (sentence,) = refusals(template, stage_parameters("prod") | {"MonthlyBudgetDollars": "500", "AlarmEmail": ""})
    assert "AlarmEmail" in sentence


ENDPOINT = "x-amazon-apigateway-endpoint-configuration"


def endpoint_is_off(made: Deployed) -> bool:
    servers = made.only("AWS::ApiGatewayV2::Api")["Body"].get("servers", [])
    return any(server[ENDPOINT]["disableExecuteApiEndpoint"] for server in servers if ENDPOINT in server)


def test_once_there_is_a_domain_nobody_goes_round_it() -> None:
    made = stack(**API)
    assert endpoint_is_off(made)
    assert made.outputs["ApiUrl"]["Value"] == "https://api.example.com"
    mapping = made.only("AWS::ApiGatewayV2::ApiMapping")
    assert (mapping["ApiId"], mapping["Stage"]) == ({"Ref": "Api"}, {"Ref": "ApiApiGatewayDefaultStage"})


def test_without_a_domain_the_url_of_api_gateway_serves(prod: Deployed) -> None:
    assert not endpoint_is_off(prod)
    assert prod.of_type("AWS::ApiGatewayV2::DomainName") == {}
    assert prod.outputs["ApiUrl"]["Value"] == {"Fn::GetAtt": ["Api", "ApiEndpoint"]}


def test_nothing_is_hosted_unless_it_is_asked_for(prod: Deployed) -> None:
    kinds = {r["Type"].split("::")[1] for r in prod.resources.values()}
    assert not kinds & {"S3", "CloudFront"}


def test_the_page_s_bucket_is_private_and_read_by_its_distribution_alone() -> None:
    made = stack(**PAGE)
    assert set(made.only("AWS::S3::Bucket")["PublicAccessBlockConfiguration"].values()) == {True}
    allow, deny = made.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (allow["Principal"], allow["Action"]) == ({"Service": "cloudfront.amazonaws.com"}, "s3:GetObject")
    assert "${DashboardDistribution}" in allow["Condition"]["StringEquals"]["aws:SourceArn"]["Fn::Sub"]
    assert (deny["Effect"], deny["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_page_and_api_are_one_origin_by_tls_and_no_answer_of_the_api_is_cached() -> None:
    for given, target in ((PAGE, "${Api}.execute-api."), (API | PAGE, "api.example.com")):
        config = stack(**given).only("AWS::CloudFront::Distribution")["DistributionConfig"]
        (behaviour,) = config["CacheBehaviors"]
        origin = next(each for each in config["Origins"] if each["Id"] == behaviour["TargetOriginId"])
        assert behaviour["PathPattern"] == "/api/*"
        assert behaviour["CachePolicyId"] == "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"  # Managed-CachingDisabled
        assert behaviour["OriginRequestPolicyId"] == "b689b0a8-53d0-40ab-baf2-68738e2966ac"  # …ExceptHostHeader
        assert {"POST", "PUT", "DELETE"} <= set(behaviour["AllowedMethods"])
        assert target in str(origin["DomainName"])
        assert origin["CustomOriginConfig"]["OriginProtocolPolicy"] == "https-only"
        assert (config["Aliases"], config["WebACLId"]) == (["billing.example.com"], PAGE["DashboardWebAclArn"])


def test_the_hosted_page_has_the_headers_of_the_local_one() -> None:
    headers = stack(**PAGE).only("AWS::CloudFront::ResponseHeadersPolicy")["ResponseHeadersPolicyConfig"]
    security, own = headers["SecurityHeadersConfig"], headers["CustomHeadersConfig"]["Items"]
    local = dict(security_headers())
    hosted = security["ContentSecurityPolicy"]["ContentSecurityPolicy"]
    assert {part.strip() for part in local["content-security-policy"].split(";")} <= {
        part.strip() for part in hosted.split(";")
    }
    assert security["ReferrerPolicy"]["ReferrerPolicy"] == local["referrer-policy"]
    assert "ContentTypeOptions" in security
    assert {item["Header"]: item["Value"] for item in own} == {
        name: local[name] for name in ("cross-origin-opener-policy", "cache-control")
    }


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"ApiDomain": "api.example.com"}, "ApiCertificateArn"),
        ({"ApiDomain": "https://api.example.com", "ApiCertificateArn": API["ApiCertificateArn"]}, "ApiDomain"),
        ({"DashboardDomain": PAGE["DashboardDomain"]}, "DashboardCertificateArn"),
        (PAGE | {"HostDashboard": "false"}, "HostDashboard=true"),
        ({"BackupCopyVaultArn": VAULT, "BackupRetentionDays": "0"}, "BackupRetentionDays"),
        ({"BackupCopyVaultArn": "my-vault"}, "BackupCopyVaultArn"),
        ({"AlarmEmail": "oncall"}, "AlarmEmail"),
        ({"ProvisionedConcurrency": "many"}, "ProvisionedConcurrency"),
        ({"Rollout": "Canary"}, "Rollout"),
        ({"AllowedRedirectHosts": "https://app.example.com"}, "AllowedRedirectHosts"),
        ({"DashboardUrl": "app.example.com"}, "DashboardUrl"),
        ({"StripeSecretArn": "billing/prod/stripe"}, "StripeSecretArn"),
        ({"StripeSigningSecretArn": ""}, "StripeSigningSecretArn"),
        ({"StripeSigningSecretArn": "billing/prod/stripe-signing"}, "StripeSigningSecretArn"),
        ({"WebhookIntake": "later"}, "WebhookIntake"),
        ({"AuditInterval": "rate(2 minutes)"}, "AuditInterval"),
        ({"WebhookWorkers": "1"}, "WebhookWorkers"),
        ({"StripePortalConfiguration": "pk_1"}, "StripePortalConfiguration"),
        ({"LogRetentionDays": "8"}, "LogRetentionDays"),
        ({"PlatformFeeBasisPoints": "10001"}, "PlatformFeeBasisPoints"),
        ({"EarningsHoldDays": "0"}, "EarningsHoldDays"),
        ({"PayoutMinimumCents": "99"}, "PayoutMinimumCents"),
        ({"LowBalanceCents": "-1"}, "LowBalanceCents"),
        ({"Stage": "Prod"}, "Stage"),
    ],
)
def test_a_wrong_parameter_fails_at_deployment_with_a_sentence(
    template: dict[str, Any], given: dict[str, str], named: str
) -> None:
    sentences = refusals(template, stage_parameters("prod") | given)
    assert len([s for s in sentences if named in s and len(s.split()) >= 4]) >= 1, sentences


def test_every_parameter_that_can_be_wrong_says_how_it_is_right(template: dict[str, Any]) -> None:
    for name, declared in template["Parameters"].items():
        checked = {"AllowedPattern", "AllowedValues", "MinValue", "MaxValue", "MinLength"} & set(declared)
        assert checked, f"{name} takes anything"
        assert declared.get("ConstraintDescription", "").startswith(name), name
