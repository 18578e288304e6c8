"""What `make deploy` and `make run` ask of CloudFormation."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from botocore.exceptions import ClientError

from local.console import NotReady
from local.deploy import deploy
from local.package import Package

TEMPLATE = {
    "Parameters": {"TrackingUrl": {"Type": "String"}, "AlarmEmail": {"Type": "String"}},
    "Resources": {"Track": {"Type": "AWS::Serverless::Function", "Properties": {"CodeUri": "./deployment.zip"}}},
}


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
        self._change("update", "UPDATE_COMPLETE", request)

    def delete_stack(self, **request: Any) -> None:
        self.asked.append(("delete", request))
        self.stack = None

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
            "StackStatus": self.ends_as or status,
            "Tags": request["Tags"],
            "Parameters": [each for each in request["Parameters"] if "ParameterValue" in each],
            "Outputs": [{"OutputKey": "LeadsTable", "OutputValue": "leads"}],
        }


class S3:
    """Keeps what is put."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.meta = type("Meta", (), {"endpoint_url": "https://s3.example"})

    def upload_file(self, path: str, bucket: str, key: str) -> None:
        self.objects[key] = Path(path).read_bytes()

    def put_object(self, Bucket: str, Key: str, Body: bytes) -> None:  # noqa: N803
        self.objects[Key] = Body


@pytest.fixture
def built(tmp_path: Path) -> Package:
    (tmp_path / "sam.yaml").write_text(yaml.safe_dump(TEMPLATE))
    (tmp_path / "deployment.zip").write_bytes(b"zip")
    return Package(tmp_path, "fingerprint")


def deployed(cloudformation: CloudFormation, built: Package, s3: S3 | None = None, **parameters: str) -> dict[str, str]:
    clients = {"cloudformation": cloudformation, "s3": s3 or S3()}
    return deploy(clients.__getitem__, built, "leadflip", "bucket", parameters)


def test_a_new_stack_is_created_from_the_uploaded_template(built: Package) -> None:
    cloudformation, s3 = CloudFormation(), S3()
    assert deployed(cloudformation, built, s3, TrackingUrl="https://t") == {"LeadsTable": "leads"}
    ((verb, request),) = cloudformation.asked
    assert verb == "create"
    assert request["TemplateURL"] == "https://s3.example/bucket/fingerprint/template.yaml"
    uploaded = yaml.safe_load(s3.objects["fingerprint/template.yaml"])
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
    cloudformation = CloudFormation({"StackStatus": "ROLLBACK_COMPLETE"})
    deployed(cloudformation, built)
    assert [verb for verb, _ in cloudformation.asked] == ["delete", "create"]


def test_a_failure_is_told_with_cloudformations_reason(built: Package) -> None:
    with pytest.raises(NotReady, match="Track: the role is not allowed to"):
        deployed(CloudFormation(ends_as="ROLLBACK_COMPLETE"), built)
