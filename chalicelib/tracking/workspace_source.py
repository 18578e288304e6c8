"""The workspace for recipients' pages: their language, logo and colour."""

import time
from collections.abc import Callable

from chalicelib.model.workspace import Workspace
from chalicelib.telemetry import logger


class WorkspaceSource:
    """Caches the workspace for a minute, so that pages cost a read a minute and process at most.

    What cannot be read is not asked for again within that minute: recipients then see the workspace as it was last
    read, or the defaults.
    """

    MAX_AGE_SECONDS = 60.0

    def __init__(self, read: Callable[[], Workspace], clock: Callable[[], float] = time.time) -> None:
        self._read = read
        self._clock = clock
        self._known = Workspace()
        self._asked_at = 0.0

    def __call__(self) -> Workspace:
        if self._clock() - self._asked_at >= self.MAX_AGE_SECONDS:
            self._asked_at = self._clock()
            try:
                self._known = self._read()
            except Exception:
                logger().warning("workspace_not_read", exc_info=True)
        return self._known
