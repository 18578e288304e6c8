"""The mails that what is done to every mail is tried on."""

import pytest

from tests.corpus import NO_CORPUS, corpus_mails, our_mails
from tests.prerequisites import skip_without


@pytest.fixture(scope="session", params=["ours", "corpus"])
def real_mails(request: pytest.FixtureRequest) -> dict[str, str]:
    """Mails by name, first those of this repository, then the larger corpus."""
    mails = our_mails() if request.param == "ours" else corpus_mails()
    if not mails:
        skip_without("corpus", NO_CORPUS)
    return mails
