"""The demo tells its own campaign's mails from those of others."""

from email.message import EmailMessage

from local.demo import of_deliveries
from local.recipients import Mail


def mail(delivery_id: str) -> Mail:
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@shop.example", "Hello"
    message["List-Unsubscribe"] = f"<http://t.example/t/u/{delivery_id}>"
    message.set_content("Hello")
    return Mail.read(message.as_bytes())


def test_mails_of_a_campaign_that_is_sent_at_the_same_time_are_left_alone() -> None:
    own, other = mail("ours"), mail("theirs")
    assert of_deliveries([own, other], {"ours", "not-sent"}) == [own]
