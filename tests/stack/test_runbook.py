"""Every command that the documents show an operator works as written, with names filled in, on a local stack.

These are the blocks of docs/OPERATIONS.md and docs/SMTP.md, and the README's "Deploy it".
"""

import json
import os
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import xform_name

from local import ministack
from local.package import ROOT
from local.ports import free_ports
from local.stack import BUCKET, DEFAULTS, STACK_NAME, LocalStack, Options, running
from tests.documents import section, shell_blocks
from tests.stack.marketer import Marketer

NOT_PLAYED = {"service-quotas"}
"""Services that the local engine lacks: only that AWS has the command, and takes its options, is looked at."""
PLAYED_ELSEWHERE = ("make smoke",)
"""tests/stack/test_smoke_command.py runs it, and looks at what it says."""
NEXT = "leadflip-next"


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A stack that may be deleted."""
    port, inbox_port, smtp_port = free_ports(3)
    folder = tmp_path_factory.mktemp("runbook")
    with running(Options(folder, DEFAULTS.builds, port, inbox_port, smtp_port)) as started:
        yield started


def commands() -> list[str]:
    """The documents' commands, those that change or delete the stack last."""
    texts = [section(ROOT / "README.md", "Deploy it")]
    texts += [(ROOT / "docs" / name).read_text("utf-8") for name in ("OPERATIONS.md", "SMTP.md")]
    shown = [line for text in texts for block in shell_blocks(text) for line in block.splitlines()]
    lines = [re.sub(r"\s+#.*", "", line.strip()) for line in shown]
    last = ("make deploy", "make destroy", "aws cloudformation", "aws sqs")
    return sorted(
        (line for line in lines if not line.startswith(PLAYED_ELSEWHERE)), key=lambda line: line.startswith(last)
    )


class Operator:
    """Types commands; what they are to be about is filled in."""

    def __init__(self, stack: LocalStack, folder: Path) -> None:
        self.stack, self.folder = stack, folder
        names = ("CampaignsTable", "DeliveriesTable", "LeadsTable")
        kept = {name: stack.outputs[name] for name in names} | {"KeyRing": stack.outputs["KeyRingSecret"]}
        self.filled_in = {
            "cmp_...": self.campaign(),
            "/aws/lambda/leadflip-campaigns-prod-Track-...": stack.outputs["TrackLogGroup"],
            **{f"leadflip-campaigns-prod-{name}-...": stack.outputs[name] for name in names},
            "arn:aws:secretsmanager:...": stack.outputs["KeyRingSecret"],
            "CampaignsTable=... DeliveriesTable=... KeyRing=arn:... LeadsTable=...": " ".join(
                f"{name}={value}" for name, value in kept.items()
            ),
            "the-campaigns-table-it-printed": stack.outputs["CampaignsTable"],
            "hits.json": str(folder / "hits.json"),
            "s3://your-bucket": "s3://another-bucket",
            "your-bucket": BUCKET,
            "leadflip-campaigns-prod": STACK_NAME,
            "leadflip-campaigns-next": NEXT,
            "STAGE=prod": f"STACK={STACK_NAME}",
            "STAGE=next": f"STACK={NEXT}",
        }

    def campaign(self) -> str:
        draft = {"title": "R", "subject": "R", "from_email": "r@runbook.example", "html": "<p>R</p>"}
        audience = {"entity": "runbook", "stages": ["New"]}
        return str(Marketer(self.stack)("POST", "/v1/campaigns", draft | {"audience": audience})["campaign_id"])

    def types(self, line: str) -> str:
        """The command's output. Fails when the command does."""
        for placeholder, value in sorted(self.filled_in.items(), key=lambda pair: -len(pair[0])):
            line = line.replace(placeholder, value)
        if line.startswith("curl "):
            return self.curls(line)
        assert "..." not in re.sub(r"'\{.*\}'", "", line), f"nothing is filled in: {line}"
        return self.asks_aws(line) if line.startswith("aws ") else self.makes(line)

    def curls(self, line: str) -> str:
        environment = os.environ | {"API": self.stack.api_url, "TOKEN": self.stack.token}
        run = subprocess.run(["bash", "-c", line], env=environment, capture_output=True, text=True, timeout=60)
        assert json.loads(run.stdout)["items"] == [], line
        return run.stdout

    def makes(self, line: str) -> str:
        assert line.startswith("make ")
        environment = os.environ | ministack.ENVIRONMENT | {
            "AWS_DEFAULT_REGION": ministack.REGION,
            "AWS_ENDPOINT_URL": self.stack.engine.endpoint,
            "AWS_ENDPOINT_URL_SESV2": self.stack.inbox_url,
        }  # fmt: skip
        # What is installed is not looked at: these are the tests' own tools.
        command = ["make", "--silent", "--old-file=.venv/.ready", *shlex.split(line)[1:]]
        run = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        assert run.returncode == 0, f"{line}\n{run.stdout}{run.stderr}"
        return run.stdout

    def asks_aws(self, line: str) -> str:
        """What the AWS command line does: an option is a parameter, and the answer is printed as JSON."""
        command, _, file = line.partition(" > ")
        service, operation, *options = shlex.split(command)[1:]
        if (service, operation) == ("s3", "mb"):  # a command of the command line's own, which names the region
            self.stack.engine.client("s3").create_bucket(
                Bucket=options[0].removeprefix("s3://"),
                CreateBucketConfiguration={"LocationConstraint": ministack.REGION},
            )
            return "{}"
        client = self.stack.engine.client(service)
        method = operation.replace("-", "_")
        assert method in client.meta.method_to_api_mapping, f"AWS has no {service} {operation}"
        shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[method]).input_shape
        known = {f"--{xform_name(name, '-')}": (name, member.type_name) for name, member in shape.members.items()}
        given: dict[str, Any] = {}
        for option, value in zip(options[::2], options[1::2], strict=True):
            name, kind = known[option]
            given[name] = value if kind in ("string", "timestamp") else float(value)
        if service in NOT_PLAYED:
            return "{}"
        answer = getattr(client, method)(**given)
        answer.pop("ResponseMetadata")
        text = json.dumps(answer, default=str)
        if file:
            Path(file).write_text(text)
        return text


def test_the_commands_for_an_operator_work(own_stack: LocalStack, tmp_path: Path) -> None:
    operator = Operator(own_stack, tmp_path)
    own_stack.engine.client("sqs").send_message(
        QueueUrl=own_stack.outputs["SendDeadLettersUrl"], MessageBody='{"campaign_id": "cmp_000000000000000000000000"}'
    )
    said = {}
    for line in commands():
        said[line] = operator.types(line)
        if line.startswith("aws acm"):
            operator.filled_in["arn:aws:acm:..."] = json.loads(said[line])["CertificateArn"]
        for queue, url in re.findall(r"(\w+DeadLetters)Url +(\S+)", said[line]):
            operator.filled_in[f"https://.../leadflip-campaigns-next-{queue}-..."] = url
    text = "\n".join(said.values())
    assert "1 messages moved from SendDeadLetters to SendQueue" in text
    assert "0 events are published" in text
    assert "0 hits in the log" in text
    assert "mail.your-domain.example CNAME d-" in text
    assert "may run" in text
    assert "KEPT='CampaignsTable=" in text
    assert f"LeadsTable                   {own_stack.outputs['LeadsTable']}" in text
