"""What of a draft is saved, shown or asked about when both sides changed it (draft.js), run by node."""

import json
from typing import Any

import pytest

from tests.unit.web.node import run

STORAGE = """
const kept = new Map();
globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, text) => kept.set(key, text),
    removeItem: (key) => kept.delete(key),
};
const { Draft } = module;
const stored = (version, values) => ({ campaign_id: "cmp_1", version, ...values });
const print = (value) => console.log(JSON.stringify(value));
const conflicts = (draft) => [...draft.undecided];
"""


def story(script: str) -> Any:
    return run("draft.js", STORAGE + script)


def test_no_change_is_lost() -> None:
    """For every combination of the text as read, as changed here, and as stored since."""
    outcomes = story(
        r"""
        const texts = ["a", "b\r\nb", "b\nb", "", null, "c"];
        print(texts.flatMap((read) => texts.flatMap((here) => texts.map((latest) => {
            const draft = new Draft(stored(1, { html: read }));
            const { html: shown = here } = draft.take(stored(2, { html: latest }), { html: here });
            const sent = "html" in draft.decided({ html: shown });
            return { read, here, latest, shown, asked: draft.undecided.has("html"), sent };
        }))));
        """
    )

    def plain(text: str | None) -> str:
        return (text or "").replace("\r\n", "\n")

    assert len(outcomes) == 6**3
    for each in outcomes:
        read, here, latest = (plain(each[name]) for name in ("read", "here", "latest"))
        is_ours, is_theirs = here not in (read, latest), latest not in (read, here)
        assert each["asked"] == (is_ours and is_theirs), each
        assert plain(each["shown"]) == (here if is_ours else latest), each
        assert each["sent"] == (is_ours and not is_theirs), each


@pytest.mark.parametrize("reply_to", [None, "team@shop.example"])
def test_a_new_campaigns_refused_fields_are_no_conflicts(reply_to: str | None) -> None:
    """A new campaign begins with the last one's sender; what was refused of it is stored empty."""
    found = story(
        f"""
        const written = {{ title: "New", subject: "Hello {{{{ lead.vorname }}}}", reply_to: "info@" }};
        const draft = new Draft({{ title: "", subject: "", reply_to: {json.dumps(reply_to)} }});
        draft.sending({{ title: "New" }});
        draft.saved(stored(1, {{ title: "New", subject: "", reply_to: null }}), {{ title: "New" }}, written);
        draft.keep(written);
        const reloaded = new Draft(draft.stored);
        print([conflicts(draft), reloaded.restore(), conflicts(reloaded)]);
        """
    )
    assert found == [[], {"subject": "Hello {{ lead.vorname }}", "reply_to": "info@"}, []]


def test_the_answer_to_what_was_sent_is_no_conflict_with_what_was_typed_meanwhile() -> None:
    found = story(
        """
        const draft = new Draft(stored(1, { title: "", subject: "" }));
        const sent = { title: "A ", subject: "B " };
        draft.sending(sent);
        const news = draft.saved(stored(2, { title: "A", subject: "B" }), sent, { title: "A ", subject: "B and more" });
        print([news, conflicts(draft), draft.decided({ title: "A", subject: "B and more" })]);
        """
    )
    assert found == [{"title": "A"}, [], {"subject": "B and more"}]


@pytest.mark.parametrize("here", ["sent", "sent, and more", "read"])
@pytest.mark.parametrize("latest", ["read", "sent", "of others"])
@pytest.mark.parametrize("is_reloaded", [False, True])
def test_a_text_whose_answer_was_lost_is_a_conflict_only_with_others(here: str, latest: str, is_reloaded: bool) -> None:
    asked, saved = story(
        f"""
        let draft = new Draft(stored(1, {{ subject: "read" }}));
        const here = {{ subject: {json.dumps(here)} }};
        const latest = stored(2, {{ subject: {json.dumps(latest)} }});
        draft.sending({{ subject: "sent" }});
        draft.keep(here);
        let shown = here;
        if ({json.dumps(is_reloaded)}) {{
            draft = new Draft(latest);
            shown = {{ ...draft.stored, ...draft.restore() }};
        }} else shown = {{ ...here, ...draft.take(latest, here) }};
        print([conflicts(draft), draft.decided(shown)]);
        """
    )
    if is_reloaded and here == "read":
        return  # nothing was changed that could be kept
    assert asked == (["subject"] if latest == "of others" and here != "read" else [])
    assert saved == ({"subject": here} if latest != "of others" and here != latest else {})


def test_after_a_reload_only_the_fields_that_others_saved_are_conflicts() -> None:
    found = story(
        """
        const draft = new Draft(stored(1, { title: "read", subject: "read", text: "read" }));
        const here = { title: "mine", subject: "mine", text: "mine" };
        draft.take(stored(2, { title: "read", subject: "theirs", text: "read" }), here);
        draft.keep(here);
        const reloaded = new Draft(stored(3, { title: "theirs", subject: "theirs", text: "read" }));
        reloaded.restore();
        print([conflicts(draft), conflicts(reloaded), reloaded.decided(here)]);
        """
    )
    assert found == [["subject"], ["title", "subject"], {"text": "mine"}]
