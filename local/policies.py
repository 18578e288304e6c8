"""The template's IAM policies with its references replaced by names and ARNs as AWS would make them.

Linters of policies compare the ARNs of a statement with those that its actions take, so they need whole ones.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

PSEUDO = {
    "AWS::Partition": "aws",
    "AWS::Region": "eu-central-1",
    "AWS::AccountId": "123456789012",
    "AWS::StackName": "campaigns",
    "AWS::URLSuffix": "amazonaws.com",
}
_PLACE = "{region}:{account}".format(region=PSEUDO["AWS::Region"], account=PSEUDO["AWS::AccountId"])
ARNS = {
    "AWS::DynamoDB::Table": f"dynamodb:{_PLACE}:table/{{name}}",
    "AWS::Events::EventBus": f"events:{_PLACE}:event-bus/{{name}}",
    "AWS::Events::Rule": f"events:{_PLACE}:rule/campaigns/{{name}}",
    "AWS::IAM::Role": f"iam::{PSEUDO['AWS::AccountId']}:role/{{name}}",
    "AWS::Lambda::Function": f"lambda:{_PLACE}:function:{{name}}",
    "AWS::SecretsManager::Secret": f"secretsmanager:{_PLACE}:secret:{{name}}-a1b2c3",
    "AWS::SNS::Topic": f"sns:{_PLACE}:{{name}}",
    "AWS::SQS::Queue": f"sqs:{_PLACE}:{{name}}",
}
"""Without `arn:aws:`, by type of resource."""
REF_IS_ARN = {"AWS::SNS::Topic", "AWS::SecretsManager::Secret"}
NAMES = {"QueueName", "TopicName", "Name"}
"""Attributes that are no ARN."""

Document = dict[str, Any]


def policies(template: Mapping[str, Any]) -> Iterator[tuple[str, Document]]:
    """Every policy of a CloudFormation template that grants something, beside a name for it.

    Not who may take on a role: that names no resource.
    """
    plain = _Plain(template)
    for logical_id, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        if "PolicyDocument" in properties:
            yield logical_id, plain(properties["PolicyDocument"])
        for policy in properties.get("Policies", []) if resource["Type"] == "AWS::IAM::Role" else []:
            yield f"{logical_id}.{policy['PolicyName']}", plain(policy["PolicyDocument"])


class _Plain:
    def __init__(self, template: Mapping[str, Any]) -> None:
        self._resources = template["Resources"]
        self._parameters = template.get("Parameters", {})

    def __call__(self, value: Any) -> Any:
        match value:
            case {"Ref": name, **rest} if not rest:
                return self._ref(name)
            case {"Fn::GetAtt": at, **rest} if not rest:
                return self._attribute(*(at.split(".", 1) if isinstance(at, str) else at))
            case {"Fn::Sub": str(text), **rest} if not rest:
                return re.sub(r"\$\{([^}!]+)\}", self._substitute, text)
            case {"Fn::If": [_, yes, no], **rest} if not rest:
                return [self(each) for each in (yes, no) if each != {"Ref": "AWS::NoValue"}]
            case {"Fn::Join": [separator, parts], **rest} if not rest:
                return separator.join(map(self, parts))
            case dict():
                return {name: self(each) for name, each in value.items()}
            case list():
                return [self(each) for each in value]
            case _:
                return value

    def _substitute(self, found: re.Match[str]) -> str:
        logical_id, _, attribute = found[1].partition(".")
        return self._attribute(logical_id, attribute) if attribute else self._ref(logical_id)

    def _ref(self, name: str) -> str:
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self._parameters:
            return self._arn("AWS::SecretsManager::Secret", name) if "Secret" in name else f"the-{name}"
        kind = self._resources[name]["Type"]
        return self._arn(kind, name) if kind in REF_IS_ARN else name

    def _attribute(self, logical_id: str, attribute: str) -> str:
        if attribute in NAMES:
            return logical_id
        arn = self._arn(self._resources[logical_id]["Type"], logical_id)
        return f"{arn}/stream/2026-01-01T00.00.00" if attribute == "StreamArn" else arn

    def _arn(self, kind: str, name: str) -> str:
        return f"arn:{PSEUDO['AWS::Partition']}:{ARNS[kind].format(name=name)}"
