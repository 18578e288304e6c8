"""The page's files, served under an address that changes with any of them, so that browsers may cache them for ever."""

import hashlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent / "static"
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
PAGE = "index.html"


@cache
def files() -> Mapping[str, str]:
    """Every file's text by its name, the page itself among them."""
    return {path.name: path.read_text("utf-8") for path in sorted(_FOLDER.iterdir())}


@cache
def version() -> str:
    """The version of all files together: 12 hex digits."""
    digest = hashlib.sha256()
    for name, text in files().items():
        digest.update(f"{name}\0{text}\0".encode())
    return digest.hexdigest()[:12]


def find_asset(wanted_version: str, name: str) -> tuple[str, str] | None:
    """A file's text and media type; None for another version: that page has to be reloaded."""
    media_type = _TYPES.get(Path(name).suffix)
    text = files().get(name)
    if wanted_version != version() or media_type is None or text is None:
        return None
    return text, media_type
