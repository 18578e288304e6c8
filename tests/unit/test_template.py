"""The packaged template: what Chalice wrote and template.yaml laid over it fit together."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from chalicelib.automation.publish import MARGIN_SECONDS
from chalicelib.model.delivery import BurstRule
from chalicelib.model.ids import LeadId
from chalicelib.settings import settings
from chalicelib.store import keys
from chalicelib.tracking.hits import NOT_PARKED
from local.lint import transformed
from local.package import ROOT, Package, on_lambda, package
from local.stack import DEFAULTS, EVENTS_TOPICS, STACK_NAME
from local.take_over import KEPT_TYPES

ROUTES = {"APIHandler": "api", "Track": "track"}
SOURCES = {
    "Launch": "LaunchQueue",
    "Plan": "PlanQueue",
    "Send": "SendQueue",
    "ReplayHits": "HitsQueue",
    "Feedback": "FeedbackQueue",
    "Publish": "CandidatesQueue",
    "Automate": "AutomationQueue",
}
FUNCTIONS = [*ROUTES, *SOURCES, "Fold", "Candidates"]
AWS_REQUIRES_EVERY_RESOURCE = {"ses:GetAccount", "ses:ListEmailIdentities"}
RUNBOOK = (ROOT / "docs" / "OPERATIONS.md").read_text()

Resources = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def built() -> Package:
    """As AWS gets it, whatever this machine is."""
    return package(DEFAULTS.builds, on_lambda())


@pytest.fixture(scope="module")
def template(built: Package) -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load(built.template.read_text())
    return document


@pytest.fixture(scope="module")
def resources(template: dict[str, Any]) -> Resources:
    found: Resources = template["Resources"]
    return found


@pytest.fixture(scope="module")
def plain(built: Package) -> Resources:
    """The resources after the SAM transform."""
    found: Resources = transformed(built)["Resources"]
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


def test_no_placeholder_survives_packaging(built: Package) -> None:
    assert "placeholder" not in built.template.read_text()


def test_the_template_has_these_functions_and_no_other(resources: Resources) -> None:
    assert set(of_type(resources, "AWS::Serverless::Function")) == set(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_handler_is_callable_with_its_own_routes_alone(resources: Resources, function: str) -> None:
    module, name = resources[function]["Properties"]["Handler"].split(".")
    script = f"import json, sys, {module}; print(json.dumps([callable({module}.{name}), sorted(sys.modules)]))"
    environment = dict(os.environ) | {"ROUTES": ROUTES.get(function, "none")}
    run = subprocess.run([sys.executable, "-c", script], cwd=ROOT, env=environment, capture_output=True, check=True)
    is_callable, modules = json.loads(run.stdout)
    assert is_callable
    assert ("chalicelib.api.http.registry" in modules) == (function == "APIHandler")
    assert ("chalicelib.tracking.routes" in modules) == (function == "Track")


def test_functions_serve_their_own_routes_only(template: dict[str, Any], resources: Resources) -> None:
    assert template["Globals"]["Function"]["Environment"]["Variables"]["ROUTES"] == "none"
    opened = {
        name: properties["Environment"]["Variables"]["ROUTES"]
        for name, properties in of_type(resources, "AWS::Serverless::Function").items()
        if "Environment" in properties
    }
    assert opened == ROUTES


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
    """The whole way from SES to the queue: what somebody has deleted of it comes back when it is switched on again."""
    switched = {name for name, each in resources.items() if each.get("Condition") == "HasDeliveryReports"}
    assert switched == {
        "MailDeliveryReports",
        "DeliveryReportsTopic",
        "DeliveryReportsTopicPolicy",
        "DeliveryReportsSubscription",
        "DeliveryReportsQueuePolicy",
        "DeliveryReportsSource",
    }


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


def test_functions_that_feed_their_own_queue_are_allowed_to_by_lambda_too(built: Package, resources: Resources) -> None:
    """Not that they need it (docs/decisions/0041). CloudFormation is told, whichever form of the template it gets."""
    feed_themselves = {
        function
        for function, queue in SOURCES.items()
        for statement in resources[f"{function}Role"]["Properties"]["Policies"][0]["PolicyDocument"]["Statement"]
        if "sqs:SendMessage" in as_list(statement["Action"]) and get_att(queue) in as_list(statement["Resource"])
    }
    assert feed_themselves == {"Plan", "Send"}
    for form in (resources, transformed(built)["Resources"]):
        allowed = {name for name, each in form.items() if each.get("Properties", {}).get("RecursiveLoop") == "Allow"}
        assert allowed == feed_themselves


def test_schedules_may_put_messages_on_the_queues_that_they_are_made_for_and_nowhere_else(resources: Resources) -> None:
    (policy,) = resources["ScheduleRole"]["Properties"]["Policies"]
    (statement,) = policy["PolicyDocument"]["Statement"]
    assert statement["Action"] == "sqs:SendMessage"
    assert statement["Resource"] == [get_att(f"{name}Queue") for name in ("Launch", "Plan", "Send")]
    makers = {
        role: each["Resource"]
        for role, properties in of_type(resources, "AWS::IAM::Role").items()
        for each in properties["Policies"][0]["PolicyDocument"]["Statement"]
        if "scheduler:CreateSchedule" in as_list(each["Action"])
    }
    assert set(makers) == {"ApiHandlerRole", "LaunchRole", "PlanRole", "SendRole"}
    assert all(each["Fn::Sub"].endswith(":schedule/${ScheduleGroup}/*") for each in makers.values())


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


def test_a_rule_acts_within_30_seconds_of_a_click(resources: Resources) -> None:
    sources = {"Candidates": "CandidatesDynamodbEventSource", "Publish": "PublishSqsEventSource"}
    sources |= {"Automate": "AutomateSqsEventSource"}
    events = [resources[function]["Properties"]["Events"][source] for function, source in sources.items()]
    windows = sum(each["Properties"]["MaximumBatchingWindowInSeconds"] for each in events)
    assert windows + BurstRule().window.total_seconds() + MARGIN_SECONDS < 30


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


def alarmed(alarm: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The metrics that an alarm looks at."""
    if "Metrics" in alarm:
        yield from (each["MetricStat"]["Metric"] for each in alarm["Metrics"] if "MetricStat" in each)
    else:
        yield alarm


def watched(resources: Resources, metric: str) -> list[str]:
    """What alarms look at by this metric: the one dimension's value, as JSON."""
    return [
        json.dumps(each["Dimensions"][0]["Value"])
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        for each in alarmed(alarm)
        if each["MetricName"] == metric
    ]


def test_every_dead_letter_queue_has_an_alarm_and_an_address_in_the_outputs(template: dict[str, Any]) -> None:
    resources: Resources = template["Resources"]
    names = {json.dumps(get_att(n, "QueueName")): n for n in resources if n.endswith("DeadLetters")}
    assert set(names) <= set(watched(resources, "ApproximateNumberOfMessagesVisible"))
    optional = {json.dumps(get_att("ExampleEventsDeadLetters", "QueueName"))}
    assert set(names) - optional <= set(watched(resources, "ApproximateAgeOfOldestMessage"))
    assert {f"{name}Url" for name in names.values()} <= set(template["Outputs"])


def test_an_alarm_about_age_leaves_time_to_act(resources: Resources) -> None:
    """A letter that waited on its queue for as long as it may has the rest of its 14 days as a dead one."""
    assert resources["DeadLettersAgeAlarm"]["Properties"]["Threshold"] <= 2 * 86400


@pytest.mark.parametrize(
    ("metric", "of"),
    [
        ("Errors", {"Ref": "Track"}),
        ("Throttles", {"Ref": "Track"}),
        ("Count", {"Ref": "TrackingApi"}),
        ("IteratorAge", {"Ref": "Fold"}),
        ("ApproximateAgeOfOldestMessage", get_att("SendQueue", "QueueName")),
        ("RecursiveInvocationsDropped", {"Ref": "Send"}),
        ("RecursiveInvocationsDropped", {"Ref": "Plan"}),
        ("NumberOfMessagesDeleted", get_att("SendQueue", "QueueName")),
        ("NumberOfMessagesSent", get_att("DeliveryReportsQueue", "QueueName")),
    ],
)
def test_an_alarm_looks_at(resources: Resources, metric: str, of: dict[str, Any]) -> None:
    assert json.dumps(of) in watched(resources, metric)


def test_hits_that_only_a_log_has_kept_set_off_an_alarm(resources: Resources) -> None:
    counted = resources["HitsOnlyLogged"]["Properties"]
    assert counted["LogGroupName"] == {"Ref": "TrackLogGroup"}
    assert counted["FilterPattern"] == f'{{ $.message = "{NOT_PARKED}" }}'
    (metric,) = counted["MetricTransformations"]
    alarm = resources["HitsOnlyLoggedAlarm"]["Properties"]
    assert (alarm["Namespace"], alarm["MetricName"]) == (metric["MetricNamespace"], metric["MetricName"])


def test_bounces_and_complaints_set_off_alarms_where_aws_begins_to_mind(resources: Resources) -> None:
    """SES developer guide, "Reputation metrics messages": reviewed from 5 % and 0.1 %."""
    thresholds = {
        alarm["MetricName"]: alarm["Threshold"]
        for alarm in of_type(resources, "AWS::CloudWatch::Alarm").values()
        if alarm.get("Namespace") == "AWS/SES"
    }
    assert thresholds == {"Reputation.BounceRate": 0.05, "Reputation.ComplaintRate": 0.001}


def test_an_alarm_tells_somebody_and_is_made_only_for_somebody(resources: Resources) -> None:
    for name, each in resources.items():
        if each["Type"] == "AWS::CloudWatch::Alarm":
            assert each["Properties"]["AlarmActions"] == [{"Ref": "AlarmTopic"}], name
            assert each["Condition"] in {"HasAlarmEmail", "HasFeedbackAlarm", "HasReportsAlarm", "HasExampleAlarm"}, (
                name
            )


def test_the_runbook_says_how_many_alarms_are_paid_for(resources: Resources) -> None:
    alarms = {n: each for n, each in of_type(resources, "AWS::CloudWatch::Alarm").items() if "Example" not in n}
    metrics = sum(len(list(alarmed(each))) for each in alarms.values())
    assert len(alarms) == 21
    assert f"Twenty-one alarms over {metrics} metrics cost ${(metrics - 10) / 10:.2f} a\nmonth" in RUNBOOK


def test_the_dashboard_shows_what_there_is(resources: Resources) -> None:
    body, _ = resources["Dashboard"]["Properties"]["DashboardBody"]["Fn::Sub"]
    widgets = json.loads(body)["widgets"]
    assert {each["type"] for each in widgets} == {"metric"}
    named = {name.split(".")[0] for name in re.findall(r"\$\{(\w+[.\w]*)\}", body)}
    assert named <= set(resources)
    assert {name for name in resources if name.endswith("DeadLetters")} - {"ExampleEventsDeadLetters"} <= named


def test_every_function_has_a_role_of_its_own(resources: Resources) -> None:
    roles = [json.dumps(each["Role"]) for each in of_type(resources, "AWS::Serverless::Function").values()]
    assert len(set(roles)) == len(roles)
    assert all(len(role["Policies"]) == 1 for role in of_type(resources, "AWS::IAM::Role").values())


def test_no_policy_allows_every_action_or_resource(resources: Resources) -> None:
    for statement in statements(resources):
        assert not [action for action in as_list(statement["Action"]) if "*" in action]
        if "*" in as_list(statement["Resource"]):
            assert set(as_list(statement["Action"])) <= AWS_REQUIRES_EVERY_RESOURCE


def test_the_tracking_function_may_only_update_items_and_read_a_delivery_and_the_workspace(
    resources: Resources,
) -> None:
    (policy,) = resources["TrackRole"]["Properties"]["Policies"]
    allowed = [
        (action, each["Resource"], each.get("Condition"))
        for each in policy["PolicyDocument"]["Statement"]
        for action in as_list(each["Action"])
        if action.startswith("dynamodb:")
    ]
    # Of the campaigns table, where tokens and sessions are, one partition: the workspace's.
    partition = {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": [keys.workspace()["pk"]["S"]]}}
    assert allowed == [
        ("dynamodb:UpdateItem", [get_att("DeliveriesTable"), get_att("LeadsTable")], None),
        ("dynamodb:GetItem", get_att("DeliveriesTable"), None),
        ("dynamodb:GetItem", get_att("CampaignsTable"), partition),
    ]


def test_the_planning_function_may_remove_only_what_tells_of_erased_people(resources: Resources) -> None:
    """It needs GetItem to delete on the condition that nothing has changed."""
    (policy,) = resources["PlanRole"]["Properties"]["Policies"]
    statements = [each for each in policy["PolicyDocument"]["Statement"] if "dynamodb:DeleteItem" in each["Action"]]
    rows = {
        each["Resource"]["Fn::GetAtt"][0]: each["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        for each in statements
    }
    history, answer = keys.acts_of(LeadId("*")), keys.idempotency("*", "")["pk"]["S"].removesuffix("#")
    assert rows == {"LeadsTable": [f"{keys.SUPPRESSION}*"], "CampaignsTable": [history, answer]}


def test_recipients_and_marketers_have_separate_apis(resources: Resources) -> None:
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
    kept = [each for each in resources.values() if each["Type"] in KEPT_TYPES]
    assert len(kept) == 4
    for each in kept:
        assert (each["DeletionPolicy"], each["UpdateReplacePolicy"]) == ("Retain", "Retain")
    assert all(each["DeletionProtectionEnabled"] for each in of_type(resources, "AWS::DynamoDB::Table").values())


def test_tables_and_keys_can_be_taken_into_another_stack(resources: Resources) -> None:
    """A resource is imported alone, by a template that has nothing else: it must refer to nothing else."""
    for each in resources.values():
        if each["Type"] in KEPT_TYPES:
            assert not {"Ref", "Fn::GetAtt", "Fn::Sub", "Fn::If"} & set(json.dumps(each).split('"'))
            assert "Condition" not in each


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


def test_functions_run_on_what_the_template_pins_whoever_packages_it(plain: Resources) -> None:
    """Lambda gives up 3.11 in June 2026 and 3.13 in June 2029 (AWS Lambda developer guide, "Lambda runtimes")."""
    for each in of_type(plain, "AWS::Lambda::Function").values():
        assert (each["Runtime"], each["Architectures"]) == ("python3.13", [{"Ref": "Architecture"}])


@pytest.mark.parametrize("architecture", ["arm64", "x86_64"])
def test_a_stack_cannot_be_given_another_processor_than_its_package_is_for(architecture: str) -> None:
    built = package(DEFAULTS.builds, on_lambda(architecture))
    parameter = yaml.safe_load(built.template.read_text())["Parameters"]["Architecture"]
    assert (parameter["Default"], parameter["AllowedValues"]) == (architecture, [architecture])


def test_lambda_writes_no_lines_of_its_own_about_what_went_well(plain: Resources) -> None:
    for each in of_type(plain, "AWS::Lambda::Function").values():
        assert each["LoggingConfig"] == {"LogFormat": "JSON", "SystemLogLevel": "WARN", "ApplicationLogLevel": "INFO"}


def test_a_new_account_of_ten_executions_has_some_left_for_recipients(template: dict[str, Any]) -> None:
    """Sending and what follows it; the queues behind rules and launches are as good as never busy at the same time."""
    resources = template["Resources"]
    assert template["Parameters"]["SendConcurrency"]["Default"] == 2
    taken = {
        name: event["Properties"]["ScalingConfig"]["MaximumConcurrency"]
        for name, function in of_type(resources, "AWS::Serverless::Function").items()
        for event in function.get("Events", {}).values()
        if event["Type"] == "SQS"
    }
    assert {name for name, most in taken.items() if most != 2} == {"Send"}
    followers = [taken["Send"], resources["DeliveryReportsSource"]["Properties"]["ScalingConfig"]["MaximumConcurrency"]]
    assert followers == [{"Ref": "SendConcurrency"}] * 2


@pytest.mark.parametrize(("function", "parameter"), [("Track", "TrackConcurrency"), ("APIHandler", "ApiConcurrency")])
def test_executions_are_reserved_only_on_request(template: dict[str, Any], function: str, parameter: str) -> None:
    assert template["Parameters"][parameter]["Default"] == 0
    reserved = template["Resources"][function]["Properties"]["ReservedConcurrentExecutions"]
    assert reserved == {"Fn::If": [f"Has{parameter}", {"Ref": parameter}, {"Ref": "AWS::NoValue"}]}


def test_answers_to_marketers_are_compressed(plain: Resources, resources: Resources) -> None:
    """API Gateway compresses what is text for it, for clients that ask for gzip or deflate.

    Source: API Gateway developer guide, "Receive an API response with a compressed payload".
    """
    (rest,) = of_type(plain, "AWS::ApiGateway::RestApi").values()
    assert rest["MinimumCompressionSize"] == 1024
    # Chalice lists the types that are binary; with */* functions would have to encode texts, too.
    assert "*/*" not in resources["RestAPI"]["Properties"]["DefinitionBody"]["x-amazon-apigateway-binary-media-types"]


def test_neither_api_can_use_up_the_accounts_requests(plain: Resources, template: dict[str, Any]) -> None:
    """10,000 a second for all APIs of an account and region, 2,500 in small regions (API Gateway quotas)."""
    (stage,) = of_type(plain, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "TrackingRate"},
        "ThrottlingBurstLimit": 1000,
    }
    (rest,) = of_type(plain, "AWS::ApiGateway::Stage").values()
    (setting,) = rest["MethodSettings"]
    assert (setting["HttpMethod"], setting["ResourcePath"]) == ("*", "/*")
    assert template["Parameters"]["TrackingRate"]["Default"] + setting["ThrottlingRateLimit"] < 2500


def test_a_domain_of_ones_own_leads_to_the_tracking_api(plain: Resources, template: dict[str, Any]) -> None:
    (domain,) = of_type(plain, "AWS::ApiGatewayV2::DomainName").values()
    assert domain["DomainNameConfigurations"][0]["CertificateArn"] == {"Ref": "CertificateArn"}
    (mapping,) = of_type(plain, "AWS::ApiGatewayV2::ApiMapping").values()
    assert (mapping["ApiId"], mapping["Stage"]) == ({"Ref": "TrackingApi"}, {"Ref": "TrackingStage"})
    assert mapping["DomainName"] == {"Ref": "TrackingDomainName"}
    assert "RegionalDomainName" in json.dumps(template["Outputs"]["TrackingDnsRecord"])
    base = template["Globals"]["Function"]["Environment"]["Variables"]["TRACKING_URL"]
    assert base == template["Outputs"]["TrackingBaseUrl"]["Value"]
    given, otherwise = base["Fn::If"][1:]
    assert given == {"Ref": "TrackingUrl"}
    assert otherwise["Fn::If"][:2] == ["HasTrackingDomain", {"Fn::Sub": "https://${TrackingDomain}"}]


def test_a_domain_of_ones_own_leads_to_the_json_api(plain: Resources, template: dict[str, Any]) -> None:
    (domain,) = of_type(plain, "AWS::ApiGateway::DomainName").values()
    assert domain["EndpointConfiguration"] == {"Types": ["REGIONAL"]}
    (mapping,) = of_type(plain, "AWS::ApiGateway::BasePathMapping").values()
    (stage,) = (name for name, each in plain.items() if each["Type"] == "AWS::ApiGateway::Stage")
    assert (mapping["RestApiId"], mapping["Stage"]) == ({"Ref": "RestAPI"}, {"Ref": stage})
    assert "RegionalDomainName" in json.dumps(template["Outputs"]["ApiDnsRecord"])
