"""How the stack was deployed to send: by Amazon SES within its limits, or by the server that `SmtpSecret` describes."""

from chalicelib.campaigns.account import SendingAccount, SesAccount, UnknownAccount
from chalicelib.model.transport import Transport
from chalicelib.sending.budget import Budget, OwnServer, SharedBudget, ses_limits
from chalicelib.settings import Settings
from chalicelib.store.client import dynamodb_for_sending
from chalicelib.store.rate import Rate


def deployed_transport(settings: Settings) -> Transport:
    """Made once per process: SMTP keeps its connection in it."""
    if settings.smtp_secret is not None:
        from chalicelib.sending.transports.smtp import SmtpTransport
        from chalicelib.sending.transports.smtp_server import deployed_server

        return SmtpTransport(deployed_server(settings.smtp_secret).server)
    from chalicelib.sending.transports.ses import SesTransport

    return SesTransport.deployed(settings.configuration_set)


def deployed_budget(settings: Settings) -> Budget:
    """What all who send share of the transport's limits."""
    if settings.smtp_secret is not None:
        return OwnServer()
    from chalicelib.sdk import quick_client

    return SharedBudget(
        Rate(dynamodb_for_sending(), settings.campaigns_table), lambda: ses_limits(quick_client("sesv2"))
    )


def deployed_account(settings: Settings) -> SendingAccount:
    """What the transport's service lets this stack send."""
    if settings.smtp_secret is not None:
        return UnknownAccount()
    from chalicelib.sdk import quick_client

    return SesAccount(quick_client("sesv2"))
