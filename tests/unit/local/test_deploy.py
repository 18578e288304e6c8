"""What `make deploy`, `make destroy` and `make run` ask of CloudFormation, and what they say when they cannot go on."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from local.command import advice_on
from local.console import NotReady
from local.deploy import deploy, pairs
from local.destroy import destroy
from local.package import Package

TEMPLATE = {
    "Parameters": {"TrackingUrl": {"Type": "String"}, "AlarmEmail": {"Type": "String"}},
    "Resources": {
        "Track": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}},
        "LeadsTable": {"Type": "AWS::DynamoDB::Table", "DeletionPolicy": "Retain", "Properties": {}},
        "KeyRing": {"Type": "AWS::SecretsManager::Secret", "DeletionPolicy": "Retain", "Properties": {}},
    },
}
KEPT = {"LeadsTable": "old-leads", "KeyRing": "arn:aws:secretsmanager:old-ring"}


def refused(code: str, operation: str, status: int = 400, message: str = "no") -> ClientError:
    """An error as botocore raises it."""
    return ClientError(
        {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}},
        operation,
    )


class CloudFormation:
    """One stack, or none, that takes one look to get where it was asked to."""

    def __init__(self, stack: dict[str, Any] | None = None, ends_as: str | None = None) -> None:
        self.stack = stack
        self.ends_as = ends_as
        self.asked: list[tuple[str, dict[str, Any]]] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self.stack is None:
            missing = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {StackName} does not exist"}}
            raise ClientError(missing, "DescribeStacks")
        return {"Stacks": [self.stack]}

    def create_stack(self, **request: Any) -> None:
        self._change("create", "CREATE_COMPLETE", request)

    def update_stack(self, **request: Any) -> None:
        if self.ends_as == "nothing to do":
            raise refused("ValidationError", "UpdateStack", message="No updates are to be performed.")
        self._change("update", "UPDATE_COMPLETE", request)

    def delete_stack(self, **request: Any) -> None:
        self.asked.append(("delete", request))
        self.stack = None if self.ends_as is None else {"StackName": "leadflip", "StackStatus": self.ends_as}

    def create_change_set(self, **request: Any) -> None:
        self.asked.append(("change", request))

    def describe_change_set(self, **request: Any) -> dict[str, Any]:
        status = "UNAVAILABLE" if self.ends_as == "no import" else "AVAILABLE"
        return {
            "Status": "CREATE_COMPLETE",
            "ExecutionStatus": status,
            "StatusReason": "Table: old-leads does not exist",
        }

    def execute_change_set(self, **request: Any) -> None:
        self.asked.append(("execute", request))
        self.stack = {"StackName": "leadflip", "StackStatus": "IMPORT_COMPLETE"}

    def get_paginator(self, operation: str) -> Any:
        """A stack's resources, one a page: AWS lists a hundred at a time, and has more."""
        assert operation == "list_stack_resources"
        kinds = {"LeadsTable": "AWS::DynamoDB::Table", "KeyRing": "AWS::SecretsManager::Secret", "Track": "AWS::Lambda"}
        pages = [
            [{"LogicalResourceId": name, "ResourceType": kind, "PhysicalResourceId": KEPT.get(name, name)}]
            for name, kind in kinds.items()
        ]
        paginate = staticmethod(lambda **request: [{"StackResourceSummaries": page} for page in pages])
        return type("Paginator", (), {"paginate": paginate})

    def describe_stack_events(self, **request: Any) -> dict[str, Any]:
        reason = "the role is not allowed to"
        return {
            "StackEvents": [
                {"LogicalResourceId": "Track", "ResourceStatus": "CREATE_FAILED", "ResourceStatusReason": reason}
            ]
        }

    def _change(self, verb: str, status: str, request: dict[str, Any]) -> None:
        self.asked.append((verb, request))
        self.stack = {
            "StackName": "leadflip",
            "StackStatus": self.ends_as or status,
            "Tags": request["Tags"],
            "Parameters": [each for each in request["Parameters"] if "ParameterValue" in each],
            "Outputs": [{"OutputKey": "LeadsTable", "OutputValue": "leads"}],
        }


class S3:
    """Keeps what is put, or refuses, in a region."""

    def __init__(
        self, home: str = "eu-central-1", look: ClientError | None = None, put: ClientError | None = None
    ) -> None:
        self.objects: dict[str, bytes] = {}
        self.meta = type("Meta", (), {"endpoint_url": "https://s3.example", "region_name": "eu-central-1"})
        self.home, self.look, self.put = home, look, put

    def head_bucket(self, Bucket: str) -> dict[str, Any]:  # noqa: N803
        if self.look:
            raise self.look
        return {"ResponseMetadata": {"HTTPHeaders": {"x-amz-bucket-region": self.home}}}

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        if self.put:
            raise self.put
        self.objects[Key] = Body


@pytest.fixture
def built(tmp_path: Path) -> Package:
    (tmp_path / "sam.yaml").write_text(yaml.safe_dump(TEMPLATE))
    (tmp_path / "deployment.zip").write_bytes(b"zip")
    return Package(tmp_path, "fingerprint")


def deployed(
    cloudformation: CloudFormation,
    built: Package,
    s3: S3 | None = None,
    kept: dict[str, str] | None = None,
    stack: str = "leadflip",
    secrets: "Secrets | None" = None,
    **parameters: str,
) -> dict[str, str]:
    clients = {
        "cloudformation": cloudformation,
        "s3": s3 or S3(),
        "dynamodb": Tables(),
        "secretsmanager": secrets or Secrets(),
    }
    return deploy(clients.__getitem__, built, stack, "bucket", parameters, kept, poll_seconds=0)


def test_a_new_stack_is_created_from_the_uploaded_template(built: Package) -> None:
    cloudformation, s3 = CloudFormation(), S3()
    assert deployed(cloudformation, built, s3, TrackingUrl="https://t") == {"LeadsTable": "leads"}
    ((verb, request),) = cloudformation.asked
    assert verb == "create"
    assert request["TemplateURL"] == "https://s3.example/bucket/fingerprint/template.json"
    uploaded = json.loads(s3.objects["fingerprint/template.json"])
    assert uploaded["Resources"]["Track"]["Properties"]["CodeUri"] == "s3://bucket/fingerprint/deployment.zip"
    assert s3.objects["fingerprint/deployment.zip"] == b"zip"


def test_the_same_package_is_not_deployed_twice(built: Package) -> None:
    cloudformation, s3 = CloudFormation(), S3()
    deployed(cloudformation, built, s3, TrackingUrl="https://t")
    s3.objects.clear()
    assert deployed(cloudformation, built, s3, TrackingUrl="https://t") == {"LeadsTable": "leads"}
    assert (len(cloudformation.asked), s3.objects) == (1, {})


def test_another_parameter_updates_the_stack(built: Package) -> None:
    cloudformation = CloudFormation()
    deployed(cloudformation, built, TrackingUrl="https://t")
    deployed(cloudformation, built, TrackingUrl="https://other")
    assert [verb for verb, _ in cloudformation.asked] == ["create", "update"]


def test_an_update_keeps_the_parameters_that_it_does_not_name(built: Package) -> None:
    cloudformation = CloudFormation()
    deployed(cloudformation, built, TrackingUrl="https://t", AlarmEmail="ops@example.com")
    deployed(cloudformation, built, TrackingUrl="https://other")
    assert cloudformation.asked[-1][1]["Parameters"] == [
        {"ParameterKey": "TrackingUrl", "ParameterValue": "https://other"},
        {"ParameterKey": "AlarmEmail", "UsePreviousValue": True},
    ]


def test_a_stack_that_never_stood_is_made_anew(built: Package) -> None:
    tags = [{"Key": "package", "Value": "fingerprint"}]
    cloudformation = CloudFormation({"StackName": "leadflip", "StackStatus": "ROLLBACK_COMPLETE", "Tags": tags})
    deployed(cloudformation, built)
    assert [verb for verb, _ in cloudformation.asked] == ["delete", "create"]


def test_the_package_from_before_a_failed_update_is_deployed_already(built: Package) -> None:
    """CloudFormation has gone back to it by itself, and refuses an update that changes nothing."""
    outputs = [{"OutputKey": "LeadsTable", "OutputValue": "leads"}]
    rolled_back = {"StackName": "leadflip", "StackStatus": "UPDATE_ROLLBACK_COMPLETE", "Outputs": outputs}
    assert deployed(CloudFormation(rolled_back, ends_as="nothing to do"), built) == {"LeadsTable": "leads"}


def test_a_failure_is_told_with_cloudformations_reason(built: Package) -> None:
    with pytest.raises(NotReady, match="Track: the role is not allowed to"):
        deployed(CloudFormation(ends_as="ROLLBACK_COMPLETE"), built)


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        ("UPDATE_IN_PROGRESS", "is being changed .* Wait until that is over"),
        ("DELETE_IN_PROGRESS", "is being changed"),
        ("UPDATE_ROLLBACK_FAILED", "aws cloudformation continue-update-rollback --stack-name leadflip"),
        ("DELETE_FAILED", "is DELETE_FAILED: look at its events"),
    ],
)
def test_a_stack_that_cannot_be_changed_now_is_left_alone(built: Package, status: str, advice: str) -> None:
    cloudformation, s3 = CloudFormation({"StackName": "leadflip", "StackStatus": status}), S3()
    with pytest.raises(NotReady, match=advice):
        deployed(cloudformation, built, s3)
    assert (cloudformation.asked, s3.objects) == ([], {})


@pytest.mark.parametrize(
    ("s3", "advice"),
    [
        (
            S3(look=refused("404", "HeadBucket", 404)),
            "no bucket bucket. Make it: aws s3 mb s3://bucket --region eu-central",
        ),
        (S3(look=refused("403", "HeadBucket", 403)), "credentials may not use the bucket bucket"),
        (S3(home="us-east-1"), "bucket is in us-east-1, and you deploy to eu-central-1"),
        (
            S3(put=refused("AccessDenied", "PutObject", 403)),
            r"cannot be put into the bucket bucket: no \(AccessDenied\)",
        ),
    ],
)
def test_a_bucket_that_will_not_do_is_told_before_anything_changes(built: Package, s3: S3, advice: str) -> None:
    cloudformation = CloudFormation()
    with pytest.raises(NotReady, match=advice):
        deployed(cloudformation, built, s3)
    assert cloudformation.asked == []


def test_a_name_that_would_have_function_names_cut_is_refused(built: Package) -> None:
    """`<stack>-Track-<13 characters>` may have 64 (Lambda quotas)."""
    longest = "a" * 44
    deployed(CloudFormation(), built, stack=longest)
    with pytest.raises(NotReady, match="has 45 characters; 44 is the most") as problem:
        deployed(CloudFormation(), built, stack=f"{longest}a")
    assert "\n" not in str(problem.value)
    with pytest.raises(NotReady, match="letters, digits and hyphens"):
        deployed(CloudFormation(), built, stack="prod_2")


def test_a_new_stack_takes_tables_and_keys_over_before_it_is_completed(built: Package) -> None:
    cloudformation = CloudFormation()
    assert deployed(cloudformation, built, kept=KEPT) == {"LeadsTable": "leads"}
    assert [verb for verb, _ in cloudformation.asked] == ["change", "execute", "update"]
    change = cloudformation.asked[0][1]
    assert change["ChangeSetType"] == "IMPORT"
    assert list(json.loads(change["TemplateBody"])["Resources"]) == ["KeyRing", "LeadsTable"]
    assert [each["ResourceIdentifier"] for each in change["ResourcesToImport"]] == [
        {"Id": "arn:aws:secretsmanager:old-ring"},
        {"TableName": "old-leads"},
    ]


@pytest.mark.parametrize("kept", [{"LeadsTable": "old-leads"}, {**KEPT, "DeliverTable": "x"}])
def test_tables_and_keys_are_taken_over_together_or_not_at_all(built: Package, kept: dict[str, str]) -> None:
    cloudformation = CloudFormation()
    with pytest.raises(NotReady, match=r"nothing else: KeyRing=\.\.\. LeadsTable=\.\.\."):
        deployed(cloudformation, built, kept=kept)
    assert cloudformation.asked == []


def test_what_cannot_be_taken_over_is_told_with_cloudformations_reason(built: Package) -> None:
    with pytest.raises(NotReady, match="cannot be taken over: Table: old-leads does not exist"):
        deployed(CloudFormation(ends_as="no import"), built, kept=KEPT)


@pytest.mark.parametrize("status", ["REVIEW_IN_PROGRESS", "IMPORT_ROLLBACK_COMPLETE", "ROLLBACK_COMPLETE"])
def test_what_was_to_take_tables_over_is_never_made_with_empty_ones(built: Package, status: str) -> None:
    cloudformation, s3 = CloudFormation({"StackName": "leadflip", "StackStatus": status}), S3()
    with pytest.raises(NotReady, match=r"with the same KEPT.* aws cloudformation delete-stack --stack-name leadflip"):
        deployed(cloudformation, built, s3)
    assert (cloudformation.asked, s3.objects) == ([], {})
    deployed(cloudformation, built, kept=KEPT)
    assert [verb for verb, _ in cloudformation.asked] == ["delete", "change", "execute", "update"]


def test_a_key_that_changes_while_it_is_taken_over_is_told_with_the_way_back(built: Package) -> None:
    with pytest.raises(NotReady, match="--move-to-version-id version-1 --remove-from-version-id version-2"):
        deployed(CloudFormation(), built, kept=KEPT, secrets=Secrets(["version-1", "version-2"]))


def test_a_stack_that_stands_keeps_its_own_tables(built: Package) -> None:
    cloudformation = CloudFormation({"StackName": "leadflip", "StackStatus": "UPDATE_COMPLETE"})
    with pytest.raises(NotReady, match="stands already"):
        deployed(cloudformation, built, kept=KEPT)
    assert cloudformation.asked == []


@pytest.mark.parametrize(
    ("error", "advice"),
    [
        (NoRegionError(), "export AWS_DEFAULT_REGION="),
        (NoCredentialsError(), "aws configure"),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "AWS_PROFILE"),
        (EndpointConnectionError(endpoint_url="https://sts.nowhere.example"), "spelling of the region"),
        (refused("ExpiredTokenException", "DescribeStacks"), "aws sso login"),
        (refused("InvalidClientTokenId", "DescribeStacks"), "does not know your credentials"),
        (refused("AccessDenied", "DescribeStacks", message="not authorized"), "refused DescribeStacks: not authorized"),
    ],
)
def test_what_is_wrong_on_the_way_to_aws_is_one_line_with_the_way_out(
    error: BotoCoreError | ClientError, advice: str
) -> None:
    line = advice_on(error)
    assert advice in line
    assert "\n" not in line


def test_a_parameter_without_a_value_is_refused_by_name() -> None:
    assert pairs(["A=1", "B=x=y"]) == {"A": "1", "B": "x=y"}
    with pytest.raises(NotReady, match="AlarmEmail is not Key=Value"):
        pairs(["AlarmEmail"])


class Tables:
    """Refuses to delete what is protected."""

    def __init__(self) -> None:
        self.deleted: list[str] = []
        self.protected = {"old-leads"}

    def describe_table(self, TableName: str) -> dict[str, Any]:  # noqa: N803
        return {"Table": {"TableName": TableName, "DeletionProtectionEnabled": TableName in self.protected}}

    def update_table(self, TableName: str, DeletionProtectionEnabled: bool) -> None:  # noqa: N803
        self.protected.remove(TableName)

    def get_waiter(self, name: str) -> Any:
        return type("Waiter", (), {"wait": staticmethod(lambda TableName: None)})  # noqa: N803

    def delete_table(self, TableName: str) -> None:  # noqa: N803
        assert TableName not in self.protected
        self.deleted.append(TableName)


class Secrets:
    """One secret; each look at it finds the next of its versions, the last for good."""

    def __init__(self, versions: Sequence[str] = ("version-1",)) -> None:
        self.versions = list(versions)
        self.deleted: list[tuple[str, int]] = []

    def describe_secret(self, SecretId: str) -> dict[str, Any]:  # noqa: N803
        current = self.versions.pop(0) if len(self.versions) > 1 else self.versions[0]
        return {"VersionIdsToStages": {"version-0": ["AWSPREVIOUS"], current: ["AWSCURRENT"]}}

    def delete_secret(self, SecretId: str, RecoveryWindowInDays: int) -> None:  # noqa: N803
        self.deleted.append((SecretId, RecoveryWindowInDays))


def standing() -> CloudFormation:
    return CloudFormation({"StackName": "leadflip", "StackStatus": "UPDATE_COMPLETE"})


def test_a_deleted_stack_leaves_its_data_and_says_what_it_is_called() -> None:
    cloudformation, tables = standing(), Tables()
    clients = {"cloudformation": cloudformation, "dynamodb": tables, "secretsmanager": Secrets()}
    assert destroy(clients.__getitem__, "leadflip", poll_seconds=0) == KEPT
    assert (cloudformation.stack, tables.deleted) == (None, [])


def test_data_is_deleted_only_when_asked_and_keys_can_be_had_back_for_a_week() -> None:
    tables, secrets = Tables(), Secrets()
    clients = {"cloudformation": standing(), "dynamodb": tables, "secretsmanager": secrets}
    destroy(clients.__getitem__, "leadflip", with_data=True, poll_seconds=0)
    assert (tables.deleted, secrets.deleted) == (["old-leads"], [("arn:aws:secretsmanager:old-ring", 7)])


def test_no_data_is_deleted_while_the_stack_stays() -> None:
    stays = CloudFormation({"StackName": "leadflip", "StackStatus": "UPDATE_COMPLETE"}, ends_as="DELETE_FAILED")
    tables = Tables()
    clients = {"cloudformation": stays, "dynamodb": tables, "secretsmanager": Secrets()}
    with pytest.raises(NotReady, match="is DELETE_FAILED"):
        destroy(clients.__getitem__, "leadflip", with_data=True, poll_seconds=0)
    assert tables.deleted == []


@pytest.mark.parametrize(
    ("stack", "advice"),
    [
        (None, "There is no stack leadflip"),
        ({"StackName": "leadflip", "StackStatus": "UPDATE_IN_PROGRESS"}, "being changed"),
    ],
)
def test_a_stack_that_cannot_be_deleted_now_is_told(stack: dict[str, Any] | None, advice: str) -> None:
    cloudformation = CloudFormation(stack)
    with pytest.raises(NotReady, match=advice):
        destroy({"cloudformation": cloudformation}.__getitem__, "leadflip", poll_seconds=0)
    assert cloudformation.asked == []
