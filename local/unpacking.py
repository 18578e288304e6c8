"""A function's code is unpacked and compiled once for all worker processes that run it."""

import hashlib
import os
import tempfile
import threading
import types
import zipfile
from pathlib import Path
from typing import Any

from ministack.core import lambda_runtime

_one_at_a_time = threading.Lock()


class SharedCode(zipfile.ZipFile):
    """Unpacks into a folder that all zips of the same content share."""

    def extractall(self, path: Any = None, *_: Any) -> None:
        """Make `path`, an empty folder, a link to the shared one."""
        zipped = Path(str(self.filename))
        digest = hashlib.sha256(zipped.read_bytes()).hexdigest()
        zipped.unlink()  # this worker's own, and open here
        shared = Path(tempfile.gettempdir()) / f"code-{digest[:16]}"
        with _one_at_a_time:
            if not shared.exists():
                fresh = tempfile.mkdtemp(dir=shared.parent)
                super().extractall(fresh)
                os.rename(fresh, shared)
        os.rmdir(path)
        os.symlink(shared, path)


def unpack_code_once() -> None:
    """Let workers share their code, which functions on AWS cannot write to either.

    ministack unpacks the zip for every worker process, and each of these compiles anew all that it imports.
    """
    lambda_runtime.zipfile = types.SimpleNamespace(**vars(zipfile) | {"ZipFile": SharedCode})
