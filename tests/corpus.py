"""Mails as people and their tools really write them: a few of our own, and a larger corpus where one is at hand."""

import os
import re
from pathlib import Path

CORPUS = Path(os.environ.get("CORPUS") or Path(__file__).parents[2] / "shared" / "corpus")
"""Real mails and user agents under licences of their own, kept beside the repository: tests may do without it."""
NO_CORPUS = "the larger corpus of real mails and user agents is not at hand (name its folder: CORPUS=...)"


def our_mails() -> dict[str, str]:
    """The mails of this repository by name, line breaks kept."""
    return _read(Path(__file__).parent / "mails")


def corpus_mails() -> dict[str, str]:
    """The corpus's mails by name, line breaks kept; empty where there is no corpus.

    Their merge tags are other products': `{{action_url}}` becomes a URL, `{{#each}}` plain text.
    """
    mails = {}
    for name, text in _read(CORPUS / "emails").items():
        text = re.sub(r"\{\{\s*(\w+)\s*\}\}", r"https://placeholder.example/\1?a=1&amp;b=2#c", text)
        mails[name] = text.replace("{{", "[[").replace("{%", "[%")
    return mails


def _read(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_bytes().decode("utf-8", "replace")
        for path in sorted(folder.rglob("*.html"))
    }
