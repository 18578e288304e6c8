"""What a draft still lacks."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from chalicelib.campaigns.completeness import NEEDED_BY_A_MAIL, Incomplete, missing_in, require_complete
from chalicelib.campaigns.drafts import blank
from chalicelib.model.campaign import Audience, Body
from chalicelib.model.errors import Fault

NOW = datetime(2026, 11, 27, tzinfo=UTC)
BLANK = blank(NOW)
WHOLE = replace(BLANK, title="t", subject="s", from_email="a@b.example", audience=Audience("acme", ("New",)))
ALL = ["title", "subject", "from_email", "audience.entity", "audience.stages", "html"]


def test_all_that_is_missing_is_named_in_the_editors_order() -> None:
    assert [fault.field for fault in missing_in(BLANK, Body(html=" \n"))] == ALL
    assert missing_in(WHOLE, Body(markdown="Hello")) == []
    (no_content,) = missing_in(WHOLE, Body())
    assert no_content == Fault("html", "is missing, and so are markdown and mjml: one of them is needed")
    with pytest.raises(Incomplete, match=r"^title is missing; subject is missing; from_email is missing$"):
        require_complete(BLANK, Body())


def test_a_test_mail_needs_no_title_and_no_audience() -> None:
    require_complete(replace(BLANK, subject="s", from_email="a@b.example"), Body(text="x"), NEEDED_BY_A_MAIL)
    with pytest.raises(Incomplete) as incomplete:
        require_complete(BLANK, Body(), NEEDED_BY_A_MAIL)
    assert [fault.field for fault in incomplete.value.faults] == list(NEEDED_BY_A_MAIL)
