"""The transport that the stack was deployed with: Amazon SES, or the server that `SmtpSecret` describes."""

from chalicelib.sending.transports.base import Transport
from chalicelib.settings import Settings


def deployed_transport(settings: Settings) -> Transport:
    """Made once per process: SMTP keeps its connection in it."""
    if settings.smtp_secret is not None:
        from chalicelib.sending.transports.smtp import SmtpTransport
        from chalicelib.sending.transports.smtp_server import deployed_server

        return SmtpTransport(deployed_server(settings.smtp_secret).server)
    from chalicelib.sending.transports.ses import SesTransport

    return SesTransport.deployed(settings.configuration_set)
