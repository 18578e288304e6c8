"""axe-core, which checks a page's accessibility: the npm package of that name, installed at first use."""

import shutil
import subprocess
from pathlib import Path

from local.console import NotReady
from local.package import ROOT

NPM_PACKAGE = "axe-core@4.10.3"
# A folder of its own: npm removes from a folder what it was not asked for last.
FOLDER = ROOT / ".local" / "npm-axe"


def axe_source(folder: Path = FOLDER) -> str:
    """The script, to be evaluated in a page. Raises NotReady when npm is missing."""
    script = folder / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if not npm:
            raise NotReady("axe-core comes with npm, which is not installed (Debian: apt-get install npm)")
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--prefix", str(folder), "--no-save", "--no-audit", "--no-fund", "--ignore-scripts"]
        run = subprocess.run([*command, NPM_PACKAGE], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if run.returncode:
            raise NotReady(f"npm could not install {NPM_PACKAGE}:\n{run.stderr[-2000:]}")
    return script.read_text("utf-8")
