"""The HTML of the inbox's own pages. Whatever comes from a mail passes `_safe`."""

from datetime import datetime
from html import escape
from urllib.parse import quote, urlencode

from local.inbox.headers import decoded, decoded_mailboxes, head_of, header_values
from local.inbox.letter import Parts
from local.inbox.mailbox import KeptMessage

_ADDRESS_HEADERS = ("From", "To", "Cc", "Reply-To")
_OTHER_HEADERS = ("Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post")
_VIEW_NAMES = {"html": "HTML", "text": "Text", "source": "Source"}


def list_of_messages(messages: list[KeptMessage], *, total: int, page: int, pages: int, wanted: str) -> str:
    """The list page; `total` counts all messages found, `messages` are those of this page."""
    search = (
        '<form class="search" action="/" method="get" role="search">'
        f'<input type="search" name="q" value="{escape(wanted)}" aria-label="Search by recipient, sender or subject"'
        ' placeholder="Recipient, sender or subject"><button>Search</button></form>'
    )
    empty = '<form action="/empty" method="post"><button class="quiet">Empty the inbox</button></form>'
    links = f'<a href="/senders">Senders</a>{empty if total else ""}'
    heading = f"<header><h1><a href='/'>Inbox</a> <small>{total}</small></h1>{search}{links}</header>"
    if not messages:
        hint = "No emails match." if wanted else "No emails yet. Emails sent on this machine arrive here."
        return _document("Inbox", f'{heading}<p class="hint">{hint}</p>')
    rows = "".join(_row(message) for message in messages)
    table = (
        "<table><thead><tr><th>From</th><th>To</th><th>Subject</th><th>Received</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>"
    )
    return _document("Inbox", heading + table + _page_links(page, pages, wanted))


def list_of_senders(senders: list[tuple[str, str | None]]) -> str:
    """The page of the SES account's identities: what their owners would do at their DNS provider, done here."""
    rows = "".join(
        f"<tr><td>{_safe(name)}</td><td>{escape(status or '')}</td>"
        f"<td>{_publish(name) if status == 'PENDING' else ''}</td></tr>"
        for name, status in senders
    )
    table = f"<table><thead><tr><th>Sender</th><th>Status</th><th></th></tr></thead><tbody>{rows}</tbody></table>"
    nobody = '<p class="hint">No senders were added yet. Add one on the web page: Settings, Senders.</p>'
    return _document(
        "Senders", f'<header><h1><a href="/">Inbox</a></h1></header><h2>Senders</h2>{table if senders else nobody}'
    )


def _publish(name: str) -> str:
    label = "Confirm the address" if "@" in name else "Publish its DNS records"
    return f'<form action="/senders/{quote(name)}" method="post"><button>{label}</button></form>'


def message(message: KeptMessage, content: bytes, parts: Parts, *, views: list[str], view: str, body: str) -> str:
    """One mail's page: the headers that matter, the tabs, and under them the body of the chosen one."""
    tabs = "".join(_tab(name, chosen=name == view) for name in views)
    raw = f'<a class="raw" href="/messages/{escape(message.message_id)}.eml">Download .eml</a>'
    details = _details(message, content, parts)
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{_safe(value)}</dd>" for name, value in details)
    return _document(
        message.subject or "(no subject)",
        f'<header><h1><a href="/">Inbox</a></h1></header><h2>{_safe(message.subject or "(no subject)")}</h2>'
        f'<dl>{rows}</dl><nav class="tabs" aria-label="Views">{tabs}{raw}</nav>{body}',
    )


def missing_message() -> str:
    return _document(
        "Not found", '<header><h1><a href="/">Inbox</a></h1></header><p class="hint">This email does not exist.</p>'
    )


def website(address: str) -> str:
    """The page that the example mails' links lead to; `address` is the path and query of the link."""
    return _document(
        "Your website",
        '<header><h1><a href="/">Inbox</a></h1></header><h2>Your website would be here</h2>'
        f"<p>The link leads to <code>{_safe(address)}</code>.</p>"
        "<p>Links in the example emails lead to this page, so that they work offline. Your own emails can link "
        "anywhere. A campaign's Stats count the clicks in its emails, not those in test emails or on this page.</p>",
    )


def framed_html(address: str, sandbox: str) -> str:
    """The frame around a mail's HTML."""
    return f'<iframe src="{escape(address)}" sandbox="{sandbox}" referrerpolicy="no-referrer" title="Email"></iframe>'


def preformatted(text: str) -> str:
    return f"<pre>{escape(text)}</pre>"


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(title)}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/page.css">'
        f"</head><body><main>{body}</main></body></html>"
    )


def _tab(name: str, *, chosen: bool) -> str:
    return f'<a href="?view={name}"{" aria-current=page" if chosen else ""}>{_VIEW_NAMES[name]}</a>'


def _row(message: KeptMessage) -> str:
    link = f"/messages/{escape(message.message_id)}"
    return (
        f"<tr><td>{_safe(message.from_header or message.envelope.sender)}</td>"
        f"<td>{_safe(', '.join(message.envelope.recipients))}</td>"
        f'<td><a href="{link}">{_safe(message.subject or "(no subject)")}</a></td>'
        f"<td>{_time(message.received_at)}</td></tr>"
    )


def _page_links(page: int, pages: int, wanted: str) -> str:
    def link(number: int, name: str) -> str:
        query = urlencode({"page": number, **({"q": wanted} if wanted else {})})
        return f'<a href="/?{escape(query)}">{name}</a>'

    newer = link(page - 1, "Newer") if page > 1 else "<span></span>"
    older = link(page + 1, "Older") if page < pages else "<span></span>"
    return f'<nav class="pages" aria-label="Pages">{newer}<span>Page {page} of {pages}</span>{older}</nav>'


def _details(message: KeptMessage, content: bytes, parts: Parts) -> list[tuple[str, str]]:
    head = head_of(content)
    envelope = message.envelope
    details = [(name, ", ".join(decoded_mailboxes(header_values(head, name)))) for name in _ADDRESS_HEADERS]
    details += [(name, decoded(head[name])) for name in _OTHER_HEADERS]
    details += [
        ("Delivered to", ", ".join(envelope.recipients)),
        ("Received by", f"{envelope.protocol.upper()}, {message.size:,} bytes"),
        ("Configuration set", envelope.configuration_set),
        ("Tags", ", ".join(f"{name}={value}" for name, value in envelope.tags.items())),
        ("Attachments", ", ".join(parts.attachments)),
    ]
    return [(name, value) for name, value in details if value]


def _safe(text: str) -> str:
    # <bdi> keeps right-to-left overrides of a hostile subject from turning the rest of the line around.
    return f"<bdi>{escape(text)}</bdi>"


def _time(at: datetime) -> str:
    local = at.astimezone()
    return f'<time datetime="{at.isoformat()}">{local:%Y-%m-%d %H:%M:%S %Z}</time>'
