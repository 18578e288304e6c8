"""A customer's own SMTP server, as described by a secret.

    {"host": "mail.example.com", "port": 587, "tls": "starttls", "user": "leadflip", "password": "..."}

`tls` is `starttls`, `implicit` or `none`; the port defaults to the usual one (587, 465). Port 25, the usual one without
encryption, is refused: AWS blocks it for functions outside of a VPC, without exception (AWS Knowledge Center, "How do I
remove the restriction on port 25 from my EC2 instance or Lambda function?"). `user` and `password` may be left out.
Numbers may be text, the only type in AWS's editor for secrets.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws import SECRETS_MANAGER, Patience, SignedCalls
from chalicelib.model.transport import AccountRefused, NotSent
from chalicelib.settings import aws_access

_MAX_AGE_SECONDS = 60.0
_SECRET_PATIENCE = Patience(total_seconds=5, attempt_seconds=2, attempts=3)


class Tls(StrEnum):
    NONE = "none"
    """Unencrypted, and so without credentials."""
    STARTTLS = "starttls"
    """Encrypted from the STARTTLS command on; a server without it is not used."""
    IMPLICIT = "implicit"
    """Encrypted from the first byte."""


_USUAL_PORT = {Tls.NONE: 25, Tls.STARTTLS: 587, Tls.IMPLICIT: 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    host: str
    port: int
    tls: Tls
    user: str | None = None
    password: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the secret's JSON. Raises AccountRefused, whose text holds nothing of the secret."""
        values = _object(text)
        if unknown := sorted(set(values) - set(cls.__dataclass_fields__)):
            raise AccountRefused(f"The SMTP secret has {', '.join(unknown)}, which mean nothing here.")
        tls, host, port = str(values.get("tls", "")), values.get("host"), values.get("port")
        if tls not in set(Tls):
            raise AccountRefused("The SMTP secret's tls must be starttls, implicit or none.")
        if not isinstance(host, str) or not host.strip():
            raise AccountRefused("The SMTP secret names no host.")
        number = str(port or _USUAL_PORT[Tls(tls)])
        if not (number.isascii() and number.isdecimal() and 0 < int(number) < 65536):
            raise AccountRefused("The SMTP secret's port must be a number within 1 to 65535.")
        if int(number) == 25:
            raise AccountRefused(
                "The SMTP secret leads to port 25, which AWS closes to Lambda functions. Name another port of your "
                "server's: usually 587 with starttls, 465 with implicit, or 2525."
            )
        user, password = _credentials(values, Tls(tls))
        return cls(host.strip(), int(number), Tls(tls), user, password)


def _object(text: str) -> Mapping[str, Any]:
    try:
        values = json.loads(text)
    except ValueError:
        values = None  # its words would quote the secret
    if not isinstance(values, dict):
        raise AccountRefused("The SMTP secret is no JSON object.")
    return values


def _credentials(values: Mapping[str, Any], tls: Tls) -> tuple[str | None, str | None]:
    user, password = values.get("user") or None, values.get("password") or None
    if (user is None) != (password is None):
        raise AccountRefused("The SMTP secret needs user and password, or neither.")
    for each in (user, password):
        if each is not None and not (isinstance(each, str) and each.isascii()):
            raise AccountRefused("The SMTP secret's user and password must be text in ASCII.")
    if user is not None and tls is Tls.NONE:
        raise AccountRefused("The SMTP secret's password would cross the network in clear: tls must not be none.")
    return user, password


def kept_server(read: Callable[[], str], clock: Callable[[], float] = time.time) -> Callable[[], SmtpServer]:
    """What gives the server, reading the secret again after a minute: a new password needs no deployment.

    `read` gives the secret's text and may raise botocore's errors. The result raises NotSent for them, and
    AccountRefused if the secret describes no server that functions can reach.
    """
    known: tuple[float, SmtpServer] | None = None

    def server() -> SmtpServer:
        nonlocal known
        if known is None or clock() - known[0] >= _MAX_AGE_SECONDS:
            try:
                text = read()
            except (BotoCoreError, ClientError) as error:
                raise NotSent(f"The SMTP secret cannot be read: {error}") from error
            known = clock(), SmtpServer.parse(text)
        return known[1]

    return server


def deployed_server(secret_id: str) -> Callable[[], SmtpServer]:
    """The server that this secret in Secrets Manager describes."""

    def read() -> str:
        service = SignedCalls(SECRETS_MANAGER, aws_access(), _SECRET_PATIENCE)
        return str(service.call("GetSecretValue", {"SecretId": secret_id})["SecretString"])

    return kept_server(read)
