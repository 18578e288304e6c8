"""Both forms of a mail are proven: the tracked one, and the untracked one for those who opted out."""

from chalicelib.campaigns.proving import compile_both, prove_both, result_of
from chalicelib.content.compiler import compile_content
from chalicelib.model.campaign import ProofResult
from chalicelib.model.delivery import Tracking
from tests.unit.content.judged import Signer
from tests.unit.content.mails import source_of

SIGNER = Signer()
SOURCE = source_of('<p>See <a href="https://shop.example/">our prices</a>')
OTHER = source_of('<p>See <a href="https://shop.example/">your prices</a>')
MAIL = compile_both(SOURCE, SIGNER, Tracking.FULL)


def test_what_is_compiled_from_the_source_is_proven_in_both_forms() -> None:
    proof = prove_both(MAIL)
    assert (proof.faults, result_of(proof, MAIL)) == ((), ProofResult(1, 0))


def test_a_fault_of_one_form_is_enough() -> None:
    assert prove_both(MAIL._replace(untracked=compile_content(OTHER, None))).faults
    assert prove_both(MAIL._replace(tracked=compile_content(OTHER, SIGNER))).faults


def test_without_tracking_both_forms_are_one() -> None:
    mail = compile_both(SOURCE, SIGNER, Tracking.NONE)
    assert mail.tracked is mail.untracked
    assert result_of(prove_both(mail), mail) == ProofResult(0, 1)


def test_anonymous_tracking_follows_links_too() -> None:
    assert compile_both(SOURCE, SIGNER, Tracking.ANONYMOUS) == MAIL
