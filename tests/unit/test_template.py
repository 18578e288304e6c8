"""The packaged template: what Chalice wrote and template.yaml laid over it fit together."""

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chalicelib.settings import settings
from local.lint import lint
from local.package import ROOT, Package, package
from local.stack import DEFAULTS, EVENTS_TOPICS, STACK_NAME

DOORS = {"APIHandler": "api", "Track": "track"}
SOURCES = {
    "Launch": "LaunchQueue",
    "Plan": "PlanQueue",
    "Send": "SendQueue",
    "ReplayHits": "HitsQueue",
    "Feedback": "FeedbackQueue",
    "Publish": "CandidatesQueue",
    "Automate": "AutomationQueue",
}
FUNCTIONS = [*DOORS, *SOURCES, "Fold", "Candidates"]
AWS_REQUIRES_EVERY_RESOURCE = {"ses:GetAccount"}

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def built() -> Package:
    return package(DEFAULTS.builds)


@pytest.fixture(scope="module")
def template(built: Package) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(built.template.read_text())
    return document


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    found: Resources = template["Resources"]
    return found


def of_type(resources: Resources, kind: str) -> Resources:
    return {name: each["Properties"] for name, each in resources.items() if each["Type"] == kind}


def get_att(name: str, attribute: str = "Arn") -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, attribute]}


def statements(resources: Resources) -> Iterator[dict[str, Any]]:
    for role in of_type(resources, "AWS::IAM::Role").values():
        for policy in role["Policies"]:
            yield from policy["PolicyDocument"]["Statement"]


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_cfn_lint_finds_nothing_in_either_form(built: Package) -> None:
    assert lint(built) == []


def test_no_placeholder_survives_packaging(built: Package) -> None:
    assert "placeholder" not in built.template.read_text()


def test_the_functions_are_those_that_the_architecture_names(resources: Resources) -> None:
    assert set(of_type(resources, "AWS::Serverless::Function")) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_is_callable_behind_its_own_doors_alone(resources: Resources, function: str) -> None:
    module, name = resources[function]["Properties"]["Handler"].split(".")
    script = f"import json, sys, {module}; print(json.dumps([callable({module}.{name}), sorted(sys.modules)]))"
    environment = dict(os.environ) | {"DOORS": DOORS.get(function, "none")}
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    is_callable, modules = json.loads(run.stdout)
    assert is_callable
    assert ("chalicelib.api.registry" in modules) == (function == "APIHandler")
    assert ("chalicelib.tracking.routes" in modules) == (function == "Track")


def test_functions_see_the_doors_that_are_theirs(template: dict[str, Any], resources: Resources) -> None:
    assert template["Globals"]["Function"]["Environment"]["Variables"]["DOORS"] == "none"
    opened = {
        name: properties["Environment"]["Variables"]["DOORS"]
        for name, properties in of_type(resources, "AWS::Serverless::Function").items()
        if "Environment" in properties
    }
    assert opened == DOORS


def test_the_settings_find_all_they_read(template: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in template["Globals"]["Function"]["Environment"]["Variables"]:
        monkeypatch.setenv(name, f"the {name}")
    read = settings.__wrapped__()
    assert read.campaigns_table == "the CAMPAIGNS_TABLE"


@pytest.mark.parametrize(("function", "queue"), SOURCES.items())
def test_a_queue_feeds_its_function(resources: Resources, function: str, queue: str) -> None:
    properties = resources[function]["Properties"]
    (event,) = properties["Events"].values()
    assert event["Type"] == "SQS"
    assert event["Properties"]["Queue"] == get_att(queue)
    assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert resources[queue]["Properties"]["VisibilityTimeout"] >= 6 * properties["Timeout"]


def test_no_bounce_or_complaint_waits_behind_deliveries(resources: Resources) -> None:
    """SES's reports come by two ways that share nothing but the function at their end."""
    destinations = of_type(resources, "AWS::SES::ConfigurationSetEventDestination")
    subscriptions = of_type(resources, "AWS::SNS::Subscription").values()
    queues = {json.dumps(each["TopicArn"]): each["Endpoint"] for each in subscriptions if each["Protocol"] == "sqs"}
    ways = {
        name: (
            set(each["EventDestination"]["MatchingEventTypes"]),
            queues[json.dumps(each["EventDestination"]["SnsDestination"]["TopicARN"])],
        )
        for name, each in destinations.items()
    }
    # No `send`: any later report but a rejection says the same.
    assert ways == {
        "MailFeedback": ({"reject", "bounce", "complaint"}, get_att("FeedbackQueue")),
        "MailDeliveryReports": ({"delivery", "deliveryDelay"}, get_att("DeliveryReportsQueue")),
    }
    source = resources["DeliveryReportsSource"]["Properties"]
    assert (source["FunctionName"], source["EventSourceArn"]) == ({"Ref": "Feedback"}, get_att("DeliveryReportsQueue"))
    assert source["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    timeout = resources["Feedback"]["Properties"]["Timeout"]
    queue = resources["DeliveryReportsQueue"]["Properties"]
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html#events-sqs-queueconfig
    assert queue["VisibilityTimeout"] >= 6 * timeout + source["MaximumBatchingWindowInSeconds"]


def test_reports_of_deliveries_can_be_switched_off_and_those_of_bounces_cannot(resources: Resources) -> None:
    switched = {name for name, each in resources.items() if each.get("Condition") == "HasDeliveryReports"}
    assert switched == {"MailDeliveryReports", "DeliveryReportsSource"}


def test_a_topic_may_write_to_its_queue_and_ses_to_its_topic(resources: Resources) -> None:
    for topic, queue in (("FeedbackTopic", "FeedbackQueue"), ("DeliveryReportsTopic", "DeliveryReportsQueue")):
        (from_ses,) = resources[f"{topic}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        (from_topic,) = resources[f"{queue}Policy"]["Properties"]["PolicyDocument"]["Statement"]
        assert (from_ses["Resource"], from_ses["Action"]) == ({"Ref": topic}, "sns:Publish")
        assert from_ses["Principal"] == {"Service": "ses.amazonaws.com"}
        assert (from_topic["Resource"], from_topic["Action"]) == (get_att(queue), "sqs:SendMessage")
        assert from_topic["Condition"] == {"ArnEquals": {"aws:SourceArn": {"Ref": topic}}}


def test_the_inbox_publishes_what_the_template_asks_ses_for(resources: Resources) -> None:
    def name_of(topic: str) -> str:
        name: str = resources[topic]["Properties"]["TopicName"]["Fn::Sub"]
        return name.replace("${AWS::StackName}", STACK_NAME)

    asked = {
        name_of(each["EventDestination"]["SnsDestination"]["TopicARN"]["Ref"]): {
            kind.lower() for kind in each["EventDestination"]["MatchingEventTypes"]
        }
        for each in of_type(resources, "AWS::SES::ConfigurationSetEventDestination").values()
    }
    played = {arn.rpartition(":")[2]: set(types.lower().split(",")) for arn, types in EVENTS_TOPICS.items()}
    assert played == asked


def test_the_stream_feeds_the_fold_and_names_its_shard(resources: Resources) -> None:
    (event,) = resources["Fold"]["Properties"]["Events"].values()
    properties = event["Properties"]
    assert event["Type"] == "DynamoDB"
    assert properties["Stream"] == get_att("DeliveriesTable", "StreamArn")
    assert properties["StartingPosition"] == "TRIM_HORIZON"
    assert properties["TumblingWindowInSeconds"] > 0
    assert properties["ParallelizationFactor"] == 1
    assert properties["BisectBatchOnFunctionError"] is True
    assert properties["MaximumBatchingWindowInSeconds"] == 5
    assert properties["DestinationConfig"]["OnFailure"]["Destination"] == get_att("FoldDeadLetters")


def test_candidates_read_both_streams_and_filter_by_the_one_key_that_aws_filters_by(resources: Resources) -> None:
    events = [each["Properties"] for each in resources["Candidates"]["Properties"]["Events"].values()]
    assert [each["Stream"] for each in events] == [
        get_att("DeliveriesTable", "StreamArn"),
        get_att("CampaignsTable", "StreamArn"),
    ]
    for properties in events:
        # https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html
        assert [set(json.loads(each["Pattern"])) for each in properties["FilterCriteria"]["Filters"]] == [{"dynamodb"}]
        assert properties["StartingPosition"] == "TRIM_HORIZON"
        assert properties["BisectBatchOnFunctionError"] is True
        assert properties["DestinationConfig"]["OnFailure"]["Destination"] == get_att("StreamDeadLetters")


def test_no_stream_has_more_than_two_readers(resources: Resources) -> None:
    readers = Counter(
        json.dumps(event["Properties"]["Stream"])
        for function in of_type(resources, "AWS::Serverless::Function").values()
        for event in function.get("Events", {}).values()
        if event["Type"] == "DynamoDB"
    )
    assert max(readers.values()) <= 2


def test_a_queue_that_rules_write_to_lets_them(resources: Resources) -> None:
    allowed = {
        (json.dumps(queue), json.dumps(statement["Condition"]["ArnEquals"]["aws:SourceArn"]))
        for policy in of_type(resources, "AWS::SQS::QueuePolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Principal"] == {"Service": "events.amazonaws.com"}
        for queue in as_list(statement["Resource"])
    }
    needed = {
        (json.dumps(queue), json.dumps(get_att(name)))
        for name, rule in of_type(resources, "AWS::Events::Rule").items()
        for target in rule["Targets"]
        for queue in (target["Arn"], target["DeadLetterConfig"]["Arn"])
    }
    assert needed
    assert needed <= allowed


def test_rules_can_set_off_nothing(resources: Resources) -> None:
    """No rule can run in circles: `automate` may change leads and write down what it did, and nothing that is read by
    those who make events (the deliveries and campaigns themselves, queues, the bus)."""
    (policy,) = resources["AutomateRole"]["Properties"]["Policies"]
    may = {
        action: json.dumps(each["Resource"])
        for each in policy["PolicyDocument"]["Statement"]
        for action in as_list(each["Action"])
    }
    assert not {action for action in may if action.startswith("events:")}
    assert {action for action in may if action.startswith("sqs:")} == {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
    }
    assert "DeliveriesTable" not in json.dumps(may)
    assert not resources["LeadsTable"]["Properties"].get("StreamSpecification")


def test_every_queue_has_its_own_dead_letter_queue(resources: Resources) -> None:
    queues = of_type(resources, "AWS::SQS::Queue")
    del queues["ExampleEventsQueue"]  # its owner decides what becomes of what cannot be consumed
    working = {name: each for name, each in queues.items() if "RedrivePolicy" in each}
    assert set(working) == {*SOURCES.values(), "DeliveryReportsQueue"}
    for name, properties in working.items():
        dead_letters = name.removesuffix("Queue") + "DeadLetters"
        assert properties["RedrivePolicy"]["deadLetterTargetArn"] == get_att(dead_letters)
    assert all(queues[name]["MessageRetentionPeriod"] == 14 * 24 * 3600 for name in set(queues) - set(working))


def test_every_dead_letter_queue_has_an_alarm(resources: Resources) -> None:
    watched = [each["Dimensions"] for each in of_type(resources, "AWS::CloudWatch::Alarm").values()]
    for name in of_type(resources, "AWS::SQS::Queue"):
        if name.endswith("DeadLetters"):
            assert [{"Name": "QueueName", "Value": get_att(name, "QueueName")}] in watched


def test_every_function_has_a_role_of_its_own(resources: Resources) -> None:
    roles = [json.dumps(each["Role"]) for each in of_type(resources, "AWS::Serverless::Function").values()]
    assert len(set(roles)) == len(roles)
    assert all(len(role["Policies"]) == 1 for role in of_type(resources, "AWS::IAM::Role").values())


def test_no_policy_allows_every_action_or_resource(resources: Resources) -> None:
    for statement in statements(resources):
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= AWS_REQUIRES_EVERY_RESOURCE


def test_the_recipients_door_may_only_update_items_and_read_a_delivery(resources: Resources) -> None:
    (policy,) = resources["TrackRole"]["Properties"]["Policies"]
    allowed = {
        action: each["Resource"] for each in policy["PolicyDocument"]["Statement"] for action in as_list(each["Action"])
    }
    assert {action for action in allowed if action.startswith("dynamodb:")} == {
        "dynamodb:UpdateItem",
        "dynamodb:GetItem",
    }
    assert allowed["dynamodb:GetItem"] == get_att("DeliveriesTable")


def test_recipients_and_marketers_have_separate_doors(resources: Resources) -> None:
    paths = resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"]
    assert not [path for path in paths if path.startswith("/t/")]
    routes = of_type(resources, "AWS::ApiGatewayV2::Route")
    assert [each["RouteKey"] for each in routes.values()] == ["ANY /t/{proxy+}"]
    (integration,) = of_type(resources, "AWS::ApiGatewayV2::Integration").values()
    assert integration["IntegrationUri"] == get_att("Track")


def test_the_rest_api_answers_before_its_own_time_is_over(resources: Resources) -> None:
    assert resources["APIHandler"]["Properties"]["Timeout"] <= 29


def test_ses_adds_no_tracking_of_its_own(resources: Resources) -> None:
    (configuration,) = of_type(resources, "AWS::SES::ConfigurationSet").values()
    assert "TrackingOptions" not in configuration
    for destination in of_type(resources, "AWS::SES::ConfigurationSetEventDestination").values():
        kinds = {kind.upper() for kind in destination["EventDestination"]["MatchingEventTypes"]}
        assert not kinds & {"OPEN", "CLICK"}


def test_tables_and_keys_survive_the_stack(resources: Resources) -> None:
    kept = {"AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"}
    found = [each for each in resources.values() if each["Type"] in kept]
    assert len(found) == 4
    for each in found:
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("RetainExceptOnCreate", "Retain")


def test_tables_can_be_restored_and_are_paid_by_use(resources: Resources) -> None:
    for properties in of_type(resources, "AWS::DynamoDB::Table").values():
        assert properties["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert resources["CampaignsTable"]["Properties"]["TimeToLiveSpecification"]["AttributeName"] == "expires_at"
    for table in ("DeliveriesTable", "CampaignsTable"):
        stream = resources[table]["Properties"]["StreamSpecification"]
        assert stream == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_logs_are_not_kept_for_ever(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert {json.dumps(each["LogGroupName"]) for each in groups.values()} == {
        json.dumps({"Fn::Sub": f"/aws/lambda/${{{function}}}"}) for function in FUNCTIONS
    }
    assert all(each["RetentionInDays"] == 30 for each in groups.values())
