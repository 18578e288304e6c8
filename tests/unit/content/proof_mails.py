"""Mails that the proof at launch is tried on: random ones, and real ones with merge tags and statements put in."""

import re
from collections.abc import Callable, Mapping
from random import Random

from chalicelib.content.compiled import ContentSource

LEADS: list[Mapping[str, object]] = [
    {},
    {
        "lead_id": "lead_1", "first_name": "Zoë & <b>", "last_name": "O'Neil", "stage": "hot", "tags": ["vip", "early"],
        "fields": {"plan": "gold", "city": "Oslo", "url": "https://portal.example/?u=1&v=2#top"},
    },
    {"first_name": "Ann", "stage": "cold", "tags": ["one"], "fields": {"city": "Bergen", "url": "no address"}},
    {"last_name": "Lee", "tags": [], "fields": {"plan": "silver", "url": "https://other.example/"}},
]  # fmt: skip
"""Leads who take every branch and see every default of these mails."""

VALUES = (
    "{{ lead.first_name }}", '{{ lead.first_name | default("there") }}', "{{ lead.fields.city | upper }}",
    "{{ lead.last_name | default('friend') }}", "{{ lead.fields.plan }}", "{{- lead.stage -}}", "{{ campaign.title }}",
)  # fmt: skip
CONDITIONS = ("lead.first_name", 'lead.stage == "hot"', "lead.fields.plan", "'vip' in lead.tags", "not lead.last_name")
UNSUBSCRIBE_LINKS = (
    '"{{ unsubscribe_url }}"', "{{unsubscribe_url}}", "' {{ unsubscribe_url }} '", '"{{ unsubscribe_url }}?lang=de"',
    '"{{ unsubscribe_url }}#why"', "'mailto:x@shop.example?body={{ unsubscribe_url }}'",
    '"https://left.example/?back={{ unsubscribe_url }}&amp;a=1"', """'{{ unsubscribe_url | default("x") }}'""",
    '"{{ unsubscribe_url }}?id={{ lead.id }}"', '"{% if lead.id %}{{ unsubscribe_url }}{% endif %}"',
    '"{% if lead.id %}{{ unsubscribe_url }}?a{% else %}{{ unsubscribe_url }}{% endif %}"',
    '"{% if lead.id %}{{ unsubscribe_url }}{% elif lead.stage %}x{% else %}{{ unsubscribe_url }}{% endif %}"',
)  # fmt: skip
"""Ways to write the href of an unsubscribe link."""
_DOCTYPES = (
    "", "<!DOCTYPE html>\n", "<!doctype html>",
    '<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Transitional//EN" '
    '"http://www.w3.org/TR/xhtml1/DTD/xhtml1-transitional.dtd">\r\n',
)  # fmt: skip
_TEXTS = (
    "Spring is here", "Tom &amp; Jerry", "a &lt; b &gt; c", "caf\xe9 &eacute; &#233;", "50&nbsp;%", "x &copy 2026",
    "\u2014 5 \u20ac", "no\u00adbreak\u200c", "emoji \U0001f600", "R&D and AT&T", '"quoted" it\'s', "line\r\nbreak",
    "tabs\tand  spaces",
)  # fmt: skip
_ENDS = (
    "",
    "</body></html>",
    "</body>\n</html>\n",
    "</BODY>",
    "<!-- open",
    "<style>p{}",
    '<a href="https://open.example/',
)


def random_mail(random: Random, *, longest: int = 14, charset: bool = True) -> ContentSource:
    """A mail with all that a mail may hold, links numbered so that no two have one destination."""
    maker = _Maker(random)
    body = maker.body(random.randint(4, longest))
    base = random.choice(("", "", '<base href="https://base.example/dir/">'))
    if base:
        body += f'<a href="page{maker.number()}?x=1">relative</a>'
    if charset and random.random() < 0.15 and "{%" not in body:
        body += "latin \udce9\udcff bytes"
    if random.random() < 0.4:
        body += f"<p>Bye <a href={random.choice(UNSUBSCRIBE_LINKS)}>leave</a></p>"
    head = maker.head(base) if base or random.random() < 0.7 else ""
    html = f"{random.choice(_DOCTYPES)}{head}{body}{random.choice(_ENDS)}"
    utm = random.choice(({}, {}, {"source": "news", "campaign": "spring sale"}, {"medium": "e-mail"}))
    return ContentSource("Hello", html, None, "news@shop.example", utm=utm)


class _Maker:
    def __init__(self, random: Random) -> None:
        self._random = random
        self._count = 0
        self._parts: list[Callable[[], str]] = [
            self._text, self._text, self._link, self._link, self._link, self._left_link, self._merged_link, self._image,
            self._list, self._table, self._comment, self._outlook, self._statement, self._value, self._hiding,
        ]  # fmt: skip

    def number(self) -> int:
        self._count += 1
        return self._count

    def head(self, base: str) -> str:
        styles = (
            "p{color:#123456}@media(max-width:600px){.a{width:100%}}",
            "td{font-family:'Arial'}a::after{content:\"<a href='https://css.example/'>\"}",
        )
        return (
            f'<html lang="en"><head>{base}<meta http-equiv="Content-Type" content="text/html; charset=utf-8">'
            f"<title>Title &amp; more</title><style>{self._random.choice(styles)}</style></head>"
            f'<body bgcolor="#ffffff" style="margin:0">'
        )

    def body(self, parts: int) -> str:
        return "".join(self._random.choice(self._parts)() for _ in range(parts))

    def _text(self) -> str:
        tag = self._random.choice(("p", "div", "h1", "span", "b"))
        return f'<{tag} class="c{self.number()}">{self._random.choice(_TEXTS)}</{tag}>\n'

    def _value(self) -> str:
        return f"<p>Dear {self._random.choice(VALUES)}, {self._random.choice(_TEXTS)}</p>"

    def _url(self) -> str:
        more = self._random.choice(("", "?a=1&amp;b=2", "#part", "?q=a%20b&c=d", "/\xfc?utm_source=own", "?x=1&copy=2"))
        return f"https://{self._random.choice(('shop', 'www.news'))}.example/{self.number()}{more}"

    def _link(self) -> str:
        quote = self._random.choice(('"', '"', "'", ""))
        before = self._random.choice(("", ' class="btn"', " title='a > b'", "\n target=_blank"))
        href = self._random.choice(("href=", "HREF=", "href = "))
        inside = self._random.choice((self._random.choice(_TEXTS), '<img src="https://i.example/1.png" alt="x">'))
        return f'<a{before} {href}{quote}{self._url()}{quote} style="color:#{self.number():06}">{inside}</a>'

    def _left_link(self) -> str:
        number = self.number()
        addresses = (
            f'"mailto:help{number}@shop.example"', f"'tel:+49{number}'", f'"#part{number}"', f"sms:{number}",
            f'"page{number}"',
            f'"https://left.example/{number}" data-no-track', '""',
        )  # fmt: skip
        return f"<a href={self._random.choice(addresses)}>left</a>"

    def _merged_link(self) -> str:
        number, condition = self.number(), self._random.choice(CONDITIONS)
        written = (
            f'"https://shop.example/{number}?n={{{{ lead.first_name }}}}"', '"{{ lead.fields.url }}"',
            f"https://shop.example/{number}/{{{{lead.fields.city}}}}",
            f'"https://{{% if {condition} %}}a{number}{{% else %}}b{number}{{% endif %}}.example/"',
            f"'https://shop.example/{number}?c={{{{ lead.fields.city | upper }}}}&amp;d=1'",
            '"mailto:{{ lead.fields.city }}@shop.example"',
        )  # fmt: skip
        return f"<a href={self._random.choice(written)}>merged</a>"

    def _image(self) -> str:
        return f'<img src="https://i.example/{self.number()}.png?a=1&amp;b=2" width="600" alt="An image"><br/>'

    def _list(self) -> str:
        return f"<ul><li>{self._random.choice(_TEXTS)}<li>{self._link()}</ul>"

    def _table(self) -> str:
        cells = f'<td align="center">{self._link()}</td><td>{self._value()}</td>'
        return f'<table width="100%" border=0><tr>{cells}</tr></table>'

    def _comment(self) -> str:
        return f"<!-- note {self.number()}: <a href='https://comment.example/'> -->"

    def _outlook(self) -> str:
        forms = (
            f"<!--[if mso]><table><tr><td>{self._link()}</td></tr></table><![endif]-->",
            f'<!--[if gte mso 9]><v:roundrect href="{self._url()}"><center>Go</center></v:roundrect><![endif]-->',
            f"<!--[if !mso]><!-->{self._link()}<!--<![endif]-->",
            f"<![if !mso]>{self._link()}<![endif]>",
        )
        return self._random.choice(forms)

    def _statement(self) -> str:
        one, other = (self._random.choice((self._text, self._link, self._value))() for _ in range(2))
        condition = self._random.choice(CONDITIONS)
        forms = (
            f"{{% if {condition} %}}{one}{{% else %}}{other}{{% endif %}}",
            f"{{% if {condition} %}}{one}{{% endif %}}",
            f"{{% for tag in lead.tags %}}<i>{{{{ tag }}}}</i>{one}{{% endfor %}}",
            f'<p{{% if {condition} %}} class="x"{{% endif %}}>{one}</p>',
        )
        return self._random.choice(forms)

    def _hiding(self) -> str:
        forms = (
            "<select><option>one<option>two</select>", '<svg width="9"><path d="M0 0"/><g></g></svg>',
            "<template><p>later</p></template>", "<noscript><p>none</p></noscript>", "<textarea>t</textarea>",
            '<video src="v.mp4"><p>no video</p></video>', '<script>var a = "<a href=x>"</script>',
        )  # fmt: skip
        return self._random.choice(forms)


def with_values(html: str, random: Random) -> str:
    """The mail with merge tags strewn into its text and its links."""
    html = re.sub(r">([^<>{}]*\w[^<>{}]*)(?=<)", lambda match: _value_into(match, random), html)
    return re.sub(r'<a\b[^<>]* href="https?://[^"?#<>{}]+(?=")', lambda match: _value_behind(match, random), html)


def _value_behind(match: re.Match[str], random: Random) -> str:
    return match[0] if random.random() < 0.7 else f"{match[0]}?n={random.choice(VALUES[:3]).replace(chr(34), chr(39))}"


def _value_into(match: re.Match[str], random: Random) -> str:
    text = match[1]
    at = random.randrange(len(text) + 1)
    return match[0] if random.random() < 0.6 else f">{text[:at]}{random.choice(VALUES)}{text[at:]}"


def with_statements(html: str, random: Random) -> str:
    """The mail with {% if %} around cells, paragraphs, links and texts."""
    blocks = re.compile(r"<(p|a|span|img|b|strong|em)\b[^<>{}]*>(?:[^<>{}]*</\1>)?", re.IGNORECASE)

    def around(match: re.Match[str]) -> str:
        if random.random() < 0.7:
            return match[0]
        other = "{% else %}Other" if random.random() < 0.5 else ""
        return f"{{% if {random.choice(CONDITIONS)} %}}{match[0]}{other}{{% endif %}}"

    return blocks.sub(around, html)
