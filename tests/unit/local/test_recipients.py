"""What the demo's recipients do with a mail."""

from email.message import EmailMessage

from local.recipients import Mail


def test_only_the_tracking_pixel_is_loaded_since_other_images_may_have_no_host() -> None:
    message = EmailMessage()
    message["To"], message["Subject"] = "ann@shop.example", "Hello"
    pixel = "http://t.example/t/o/abc.gif"
    message.set_content(f'<img src="https://nowhere.example/logo.png"><img src="{pixel}">', subtype="html")
    assert Mail.read(message.as_bytes()).pixels == (pixel,)
