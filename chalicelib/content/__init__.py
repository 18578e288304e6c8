"""What a campaign says: the author's bytes, their links and merge tags, the rendered mail, the MIME message.

Public names load on first use, so that importing this package costs nothing to a function that does not render.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .compiled import CompiledContent as CompiledContent
    from .compiled import Link as Link
    from .compiled import MergeField as MergeField
    from .compiler import compile_content as compile_content
    from .errors import AddressInvalid as AddressInvalid
    from .errors import ContentError as ContentError
    from .errors import ContentInvalid as ContentInvalid
    from .errors import Problem as Problem
    from .errors import RenderFailed as RenderFailed
    from .message import build_message as build_message
    from .preflight import AudienceFacts as AudienceFacts
    from .preflight import Finding as Finding
    from .preflight import preflight_findings as preflight_findings
    from .render import Rendered as Rendered
    from .render import Renderer as Renderer
    from .source import ContentSource as ContentSource
    from .source import LinkTracking as LinkTracking

_HOMES = {
    "CompiledContent": "compiled",
    "Link": "compiled",
    "MergeField": "compiled",
    "compile_content": "compiler",
    "AddressInvalid": "errors",
    "ContentError": "errors",
    "ContentInvalid": "errors",
    "Problem": "errors",
    "RenderFailed": "errors",
    "build_message": "message",
    "AudienceFacts": "preflight",
    "Finding": "preflight",
    "preflight_findings": "preflight",
    "Rendered": "render",
    "Renderer": "render",
    "ContentSource": "source",
    "LinkTracking": "source",
}

__all__ = list(_HOMES)


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
