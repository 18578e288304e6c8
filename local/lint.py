"""The packaged template before the linters: cfn-lint, and parliament for its IAM policies.

cfn-lint sees it as SAM and as the CloudFormation that SAM makes of it: some faults, such as a circle of references,
only show after the transform. `make check` runs `python -m local.lint`.
"""

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.command import run
from local.console import NotReady, say, step
from local.deploy import with_code_at
from local.package import Package, on_lambda, package
from local.policies import policies
from local.stack import DEFAULTS

CODE = "s3://some-bucket/deployment.zip"
EXPLAINED = {
    # The API hands the schedules' role, which can only write to the launch queue, to EventBridge Scheduler alone.
    ("PERMISSIONS_MANAGEMENT_ACTIONS", "iam:passrole"),
    # Of SES v2, by an identity's ARN; the list of Pinpoint's older actions, which have the same prefix, knows no ARN.
    ("RESOURCE_MISMATCH", "ses:createemailidentity"),
    # SAM's own DynamoDBStreamReadPolicy grants it on the table's streams, which is where Lambda asks for it.
    ("RESOURCE_MISMATCH", "dynamodb:liststreams"),
}
"""What parliament says of an action, and need not be mended: each with its reason."""


def transformed(built: Package) -> dict[str, Any]:
    """What CloudFormation's SAM transform makes of the packaged template."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # asked for, though nothing depends on it
    template: dict[str, Any] = Translator({}, Parser()).translate(with_code_at(built.template, CODE), {})
    return template


def lint(built: Package) -> list[str]:
    """The linters' complaints; empty when all is well."""
    plain = built.directory / "cloudformation.json"
    cloudformation = transformed(built)
    plain.write_text(json.dumps(cloudformation, indent=1))
    complaints = []
    for form in (built.template, plain):
        cfn_lint = Path(sys.executable).parent / "cfn-lint"
        run = subprocess.run([str(cfn_lint), str(form)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode:
            complaints.append(run.stdout + run.stderr)
    return complaints + list(findings(cloudformation))


def findings(cloudformation: Mapping[str, Any]) -> Iterator[str]:
    """What parliament says of the policies and is not explained: actions that do not exist, resources of another
    service or type, conditions that an action does not know, ways to more rights."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources, which it imports
        from parliament import analyze_policy_string

    for name, document in policies(cloudformation):
        analyzed = analyze_policy_string(json.dumps(document), include_community_auditors=True)
        for finding in analyzed.findings:
            actions = _actions(finding.detail) or _actions(finding.location.get("actions")) or [""]
            unexplained = [each for each in actions if (finding.issue, each) not in EXPLAINED]
            if unexplained:
                yield f"{name}: {finding.issue} {', '.join(unexplained)} {finding.detail}"


def _actions(said: Any) -> list[str]:
    """The actions that a finding is about, in lower case."""
    if not isinstance(said, list):
        return []
    return [(each["action"] if isinstance(each, dict) else str(each)).lower() for each in said]


def main() -> None:
    with step("Packaging"):
        built = package(DEFAULTS.builds, on_lambda())
    with step("cfn-lint and parliament"):
        found = lint(built)
    if found:
        raise NotReady("\n".join(found))
    say("The template is fine.")


if __name__ == "__main__":
    run(main)
