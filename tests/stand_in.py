"""A base for classes that stand in for one of the SDK's clients: mypy accepts them as any client.

A class derived from typing.Any itself cannot be made with arguments (CPython 3.11).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any as StandIn
else:
    StandIn = object

__all__ = ["StandIn"]
