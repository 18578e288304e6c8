"""Character references in attribute values: decoded as browsers do, encoded so that they survive.

In attributes `&copy=1` and `&notit` are no references (https://html.spec.whatwg.org/#named-character-reference-state),
which is why html.unescape will not do: it would corrupt the query strings of careless authors.
"""

import re
from html.entities import html5

_REFERENCE = re.compile(r"&(?:#([xX][0-9a-fA-F]++|[0-9]++);?|([A-Za-z][A-Za-z0-9]*+)(;?)(=?))")
_MAX_CODE_POINT = 0x10FFFF


def decode_attribute(raw: str) -> str:
    """What an attribute's value means."""
    return _REFERENCE.sub(_decoded, raw) if "&" in raw else raw


def encode_attribute(value: str, *, quoted: bool = True) -> str:
    """A value for an attribute; unquoted ones need white space and a few more characters encoded."""
    encoded = value.replace("&", "&amp;").replace('"', "&quot;").replace("'", "&#39;").replace("<", "&lt;")
    encoded = encoded.replace(">", "&gt;")
    return encoded if quoted else re.sub(r"[\s=`]", lambda match: f"&#{ord(match[0])};", encoded)


def _decoded(match: re.Match[str]) -> str:
    number, name, semicolon, equals = match.groups()
    if number:
        return _code_point(number)
    if semicolon:
        known = html5.get(name + ";")
        if known is not None:
            return known + equals
    elif not equals and name in html5:
        return html5[name]
    return match[0]


def _code_point(number: str) -> str:
    digits = number[1:] if number[0] in "xX" else number
    significant = digits.lstrip("0")
    if not significant or len(significant) > 8:  # int() of a megabyte of digits is quadratic
        return "\ufffd"
    code = int(significant, 16 if number[0] in "xX" else 10)
    if code > _MAX_CODE_POINT or 0xD800 <= code <= 0xDFFF:
        return "\ufffd"
    if 0x80 <= code <= 0x9F:
        return bytes((code,)).decode("cp1252", "ignore") or chr(code)
    return chr(code)
