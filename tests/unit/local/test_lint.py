"""The lint of IAM policies finds a planted fault of each kind in a template, and nothing in a policy that is right."""

from typing import Any

import pytest

from local.lint import findings

READS = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": {"Fn::GetAtt": ["Table", "Arn"]}}
FAULTS: dict[str, tuple[dict[str, Any], str]] = {
    "an action that does not exist": ({"Action": "dynamodb:ReadItem"}, "UNKNOWN_ACTION"),
    "a service that does not exist": ({"Action": "dynamo:GetItem"}, "UNKNOWN_PREFIX"),
    "a resource of another service": ({"Resource": {"Fn::GetAtt": ["Queue", "Arn"]}}, "RESOURCE_MISMATCH"),
    "a table where a stream belongs": ({"Action": "dynamodb:GetRecords"}, "RESOURCE_MISMATCH"),
    "a condition that the action does not know": (
        {"Condition": {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}},
        "UNKNOWN_CONDITION_FOR_ACTION",
    ),
    "a queue's name where its ARN belongs": ({"Resource": {"Fn::GetAtt": ["Queue", "QueueName"]}}, "INVALID_ARN"),
    "an effect that is none": ({"Effect": "Permit"}, "MALFORMED"),
}


def template(statement: dict[str, Any]) -> dict[str, Any]:
    policy = {"PolicyName": "Any", "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]}}
    return {
        "Resources": {
            "Table": {"Type": "AWS::DynamoDB::Table"},
            "Queue": {"Type": "AWS::SQS::Queue"},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {"Policies": [policy]}},
        }
    }


def test_a_policy_that_is_right_is_not_complained_about() -> None:
    assert list(findings(template(READS))) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    change, said = FAULTS[fault]
    complaints = list(findings(template(READS | change)))
    assert complaints
    assert all(each.startswith("Role.Any: ") for each in complaints)
    assert said in complaints[0]


def test_a_policy_of_a_queue_is_looked_at_too() -> None:
    statement = READS | {"Action": "sqs:SendMesage", "Resource": {"Fn::GetAtt": ["Queue", "Arn"]}, "Principal": "*"}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    policy = {"Type": "AWS::SQS::QueuePolicy", "Properties": {"PolicyDocument": document}}
    (complaint,) = findings({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}, "Policy": policy}})
    assert complaint.startswith("Policy: UNKNOWN_ACTION")
