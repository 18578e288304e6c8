"""cfn-lint over the packaged template, as SAM and as the CloudFormation that SAM makes of it.

Some faults, such as a circle of references, only show after the transform. `make check` runs `python -m local.lint`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator

from local.console import NotReady, say, step
from local.deploy import with_code_at
from local.package import Package, package
from local.stack import DEFAULTS

CODE = "s3://some-bucket/deployment.zip"


def transformed(built: Package) -> dict[str, Any]:
    """What CloudFormation's SAM transform makes of the packaged template."""
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")  # asked for, though nothing depends on it
    template: dict[str, Any] = Translator({}, Parser()).translate(with_code_at(built.template, CODE), {})
    return template


def lint(built: Package) -> list[str]:
    """cfn-lint's complaints about both forms; empty when all is well."""
    plain = built.directory / "cloudformation.json"
    plain.write_text(json.dumps(transformed(built), indent=1))
    complaints = []
    for form in (built.template, plain):
        cfn_lint = Path(sys.executable).parent / "cfn-lint"
        run = subprocess.run([str(cfn_lint), str(form)], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode:
            complaints.append(run.stdout + run.stderr)
    return complaints


if __name__ == "__main__":
    try:
        with step("Packaging"):
            package_of_the_tree = package(DEFAULTS.builds)
        with step("cfn-lint"):
            found = lint(package_of_the_tree)
        if found:
            sys.exit("\n".join(found))
    except NotReady as problem:
        sys.exit(str(problem))
    say("The template is fine.")
