"""What a browser makes of a mail, by html5lib: the tests' own judge of whether a fault changes anything."""

import hashlib
from typing import Any

import html5lib
from html5lib.treewalkers import getTreeWalker

from chalicelib.content.compiled import CompiledContent
from chalicelib.content.errors import RenderFailed
from chalicelib.content.render import Renderer
from tests.unit.content.mails import BASE_URL, CAMPAIGN, DELIVERY_ID
from tests.unit.content.proof_mails import LEADS


class Signer:
    """Signs links by link and destination, as the product does, with a key that everybody knows."""

    base_url = BASE_URL

    def sign(self, link: str, destination: str) -> str:
        return hashlib.sha256(f"{link} {destination}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


Seen = tuple[object, ...]


def seen(compiled: CompiledContent) -> list[Seen]:
    """What each of the leads' browsers sees of this mail, or that it cannot be rendered."""
    renderer = Renderer(compiled, Signer())
    mails: list[Seen] = []
    for lead in LEADS:
        try:
            url = f"{compiled.base_url}/t/u/{DELIVERY_ID}"
            mail = renderer.render(lead, CAMPAIGN, DELIVERY_ID, url)
        except RenderFailed as failed:
            mails.append((failed.reason,))
        else:
            mails.append(tree(mail.html or ""))
    return mails


def tree(html: str) -> Seen:
    """The tree that html5lib builds, as a row of tokens with neighbouring texts as one."""
    row: list[Any] = []
    try:
        document = html5lib.parse(html, treebuilder="dom")
    except (AssertionError, RecursionError):  # html5lib's own, at some misnestings
        return ("html5lib fails", html)
    for token in getTreeWalker("dom")(document):
        if token["type"] in ("Characters", "SpaceCharacters"):
            if row and isinstance(row[-1], str):
                row[-1] += token["data"]
            else:
                row.append(token["data"])
        else:
            row.append({key: value for key, value in token.items() if value not in (None, {})})
    return tuple(row)


def reported(compiled: CompiledContent) -> list[tuple[str, str, bool]]:
    """What the report says of links, in any order."""
    return sorted((link.link, link.url, link.tracked) for link in compiled.links)
