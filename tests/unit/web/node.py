"""Runs modules of the page that need no page in node."""

import json
import shutil
import subprocess
from typing import Any
from urllib.parse import quote

from chalicelib.web import assets
from tests.prerequisites import skip_without


def run(module: str, script: str) -> Any:
    """What the script prints as JSON. The module's exports are in `module`."""
    node = shutil.which("node")
    if node is None:
        skip_without("node", "node is not installed")
    # Node takes a file for an ES module by its ending or its package; a data URL says so itself.
    source = json.dumps(f"data:text/javascript,{quote(assets.files()[module])}")
    whole = f"const module = await import({source});\n{script}"
    done = subprocess.run([node, "--input-type=module", "-e", whole], capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)
