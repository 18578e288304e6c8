"""The MIME message that SES makes of `Content.Simple`."""

from __future__ import annotations

from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any

from local.inbox.ses_errors import BadRequest


def assemble(content: dict[str, Any], *, sender: str, to: list[str], cc: list[str], reply_to: list[str]) -> bytes:
    """Build the message's bytes from the request's `Message` structure; raises BadRequest when a part is unusable."""
    message = EmailMessage(policy=SMTP)
    try:
        _add_headers(message, content, sender=sender, to=to, cc=cc, reply_to=reply_to)
        body = content["Body"]
        if "Text" in body:
            message.set_content(str(body["Text"]["Data"]))
        if "Html" in body and "Text" in body:
            message.add_alternative(str(body["Html"]["Data"]), subtype="html")
        elif "Html" in body:
            message.set_content(str(body["Html"]["Data"]), subtype="html")
    except (KeyError, TypeError) as missing:
        raise BadRequest(f"Content.Simple is incomplete: {missing}") from None
    except (ValueError, IndexError) as unusable:  # IndexError: how `email` answers to some malformed mailboxes
        raise BadRequest(str(unusable)) from None
    return message.as_bytes()


def _add_headers(
    message: EmailMessage, content: dict[str, Any], *, sender: str, to: list[str], cc: list[str], reply_to: list[str]
) -> None:
    message["From"] = sender
    for name, mailboxes in (("To", to), ("Cc", cc), ("Reply-To", reply_to)):
        if mailboxes:
            message[name] = ", ".join(mailboxes)
    message["Subject"] = content["Subject"]["Data"]
    message["Date"] = format_datetime(datetime.now(UTC))
    for header in content.get("Headers", []):
        message[header["Name"]] = header["Value"]
