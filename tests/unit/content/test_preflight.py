"""Preflight says what a marketer should know, where it is, and nothing about a good mail."""

import pytest

from chalicelib.content.compiled import ContentSource
from chalicelib.content.compiler import compile_content
from chalicelib.content.findings import Finding, Severity
from chalicelib.content.preflight import AudienceFacts, preflight_findings
from tests.unit.content.mails import Tracking, source_of

GOOD = """<p>Hi {{ lead.first_name | default("there") }}</p>
<img src="https://cdn.shop.com/a.png" alt="Logo" width="100">
<a href="https://shop.com/?a=1">Shop</a> <a href="mailto:a@shop.com">Write</a> <a href="#top">Up</a>
<a href="https://shop.com/terms" data-no-track>Terms</a> <a href="{{ unsubscribe_url }}">Leave</a>"""
FINE = AudienceFacts(total=10, without_email=0)


def findings(source: ContentSource, audience: AudienceFacts = FINE) -> list[Finding]:
    return preflight_findings(source, compile_content(source, Tracking()), Tracking(), audience)


def found(html: str, code: str, audience: AudienceFacts = FINE, subject: str = "Hello") -> Finding:
    matches = [finding for finding in findings(source_of(html, "text", subject), audience) if finding.code == code]
    assert len(matches) == 1
    return matches[0]


def test_a_good_mail_gets_no_findings() -> None:
    assert findings(source_of(GOOD, "Hi", "Our spring offers")) == []


@pytest.mark.parametrize(
    ("html", "code", "line", "column"),
    [
        ("a\n <a href=''>x</a>", "link_without_destination", 2, 2),
        ("<a href='#'>x</a>", "link_without_destination", 1, 1),
        ("<a href='https://'>x</a>", "link_without_destination", 1, 1),
        ("<a href='mailto:'>x</a>", "link_without_destination", 1, 1),
        ("<p><a href='http://shop.com/'>x</a>", "link_not_https", 1, 4),
        ("<a href='https://www.example.com/'>x</a>", "link_placeholder", 1, 1),
        ("<a href='https://localhost:8000/'>x</a>", "link_placeholder", 1, 1),
        ("<a href='https://yourdomain.com/'>x</a>", "link_placeholder", 1, 1),
        ("<a href='page.html'>x</a>", "link_incomplete", 1, 1),
        ("<a href='www.shop.com'>x</a>", "link_incomplete", 1, 1),
        ("<a href='//shop.com/'>x</a>", "link_incomplete", 1, 1),
        ("<a href='javascript:x()'>x</a>", "link_untracked", 1, 1),
        ("<!--[if mso]>\r\n<a href='ftp://shop.com/'>x</a><![endif]-->", "link_untracked", 2, 1),
        ("\n<img src=a width=1>", "image_without_alt", 2, 1),
        ("\n<a href='https://shop.com{{ lead.fields.x }}'>x</a>", "link_host_varies", 2, 1),
        ("<a href='https://{{ lead.fields.x }}.shop.com/'>x</a>", "link_host_varies", 1, 1),
        ("<a href='https://{{ lead.fields.x }}/'>x</a>", "link_host_varies", 1, 1),
        ("<a href='{{ lead.fields.x }}://shop.com/'>x</a>", "link_host_varies", 1, 1),
        (
            "<a href='https://shop.com{% if lead.id %}{{ lead.id }}{% else %}/{% endif %}'>x</a>",
            "link_host_varies",
            1,
            1,
        ),
        (
            "<a href='{% if lead.id %}https://shop.com{% else %}https://shop.com/{% endif %}{{ lead.id }}'>x</a>",
            "link_host_varies",
            1,
            1,
        ),
        ("<a href='javascript:{{ lead.fields.x }}'>x</a>", "link_leads_nowhere", 1, 1),
        ("<a href='page?x={{ lead.fields.x }}'>x</a>", "link_leads_nowhere", 1, 1),
        ("<a href='{{ lead.fields.x }}.shop.com/'>x</a>", "link_leads_nowhere", 1, 1),
        ("<img src=a alt=''>", "image_without_width", 1, 1),
    ],
)
def test_a_finding_names_its_place(html: str, code: str, line: int, column: int) -> None:
    finding = found(html, code)
    assert (finding.field, finding.line, finding.column) == ("html", line, column)


@pytest.mark.parametrize(
    "html",
    [
        "<a href='https://shop.com/{{ lead.id }}'>x</a><a href='mailto:{{ lead.email }}'>x</a>",
        "<a href='{{ lead.fields.x }}'>x</a><a href='{{ lead.fields.x }}/a?b'>x</a>",
        "<a href='{% if lead.id %}https://shop.com{% else %}https://shop.com/b{% endif %}/{{ lead.id }}'>x</a>",
        "<base href='https://shop.com/'><a href='page?x={{ lead.id }}'>x</a>",
    ],
)
def test_a_link_that_values_only_fill_or_are_is_none_to_look_at(html: str) -> None:
    codes = {finding.code for finding in findings(source_of(html, "text"))}
    assert not codes & {"link_host_varies", "link_leads_nowhere", "links_left_empty", "link_untracked"}


def test_addresses_in_the_text_part_are_looked_at_too() -> None:
    text = "Shop: https://shop.com/{{ lead.id }}\n or https://shop.com{{ lead.fields.path }}"
    (finding,) = [each for each in findings(source_of(GOOD, text)) if each.code == "link_host_varies"]
    assert (finding.field, finding.line, finding.column) == ("text", 2, 5)


def test_leads_with_empty_links_are_counted_at_the_first_link_that_values_decide() -> None:
    html = "<a href='https://shop.com/{{ lead.id }}'>x</a>\n<a href='{{ lead.fields.x }}'>x</a>"
    finding = found(html, "links_left_empty", AudienceFacts(total=10, with_empty_links=3))
    assert (finding.line, finding.count) == (2, 3)
    branch = "<a href='{% if lead.id %}https://shop.com/{% endif %}'>x</a>"
    assert found(branch, "links_left_empty", AudienceFacts(total=10, with_empty_links=3)).line == 1


def test_gmail_clips_by_the_size_as_sent() -> None:
    links = "<a href='https://shop.com/'>x</a>" * 500  # 16 KB as written, 60 KB and more when tracked
    finding = found(links + "x" * 50_000, "gmail_clips")
    assert finding.severity is Severity.WARNING
    assert "102 KB" in finding.message
    assert "gmail_clips" not in [finding.code for finding in findings(source_of("x" * 60_000, "t"))]


def test_a_merge_field_without_default_counts_the_leads_that_have_nothing_there() -> None:
    facts = AudienceFacts(total=10, empty_fields={"lead.first_name": 3, "lead.fields.plan": 2})
    finding = found("{{ lead.first_name | default('x') }}\n{{ lead.fields.plan }}", "merge_field_empty", facts)
    assert (finding.line, finding.column, finding.count) == (2, 4, 2)
    assert "lead.fields.plan" in finding.message


@pytest.mark.parametrize(
    "tag", ["lead.fields['Umsatz (€)']", "lead.fields['a.b']", """lead.fields['"a"']""", "lead.fields.x"]
)
def test_the_default_that_is_suggested_can_be_pasted(tag: str) -> None:
    path = compile_content(source_of(f"{{{{ {tag} }}}}"), None).merge_fields[0].path
    message = found(f"{{{{ {tag} }}}}", "merge_field_empty", AudienceFacts(total=9, empty_fields={path: 1})).message
    [(use, has_default)] = [
        (use.path, use.has_default)
        for use in compile_content(source_of(message[message.index("{{") :]), None).merge_fields
    ]
    assert (use, has_default) == (path, True)


def test_a_field_that_nobody_has_is_said_to_be_so() -> None:
    facts = AudienceFacts(total=10, empty_fields={"lead.fields.plna": 10})
    finding = found("{{ lead.fields.plna }}", "merge_field_empty", facts)
    assert (finding.severity, finding.count) == (Severity.WARNING, 10)
    assert finding.message.startswith("None of the recipients checked has lead.fields.plna.")


def test_the_content_lists_the_fields_to_count() -> None:
    html = (
        "{{ lead.first_name }}{{ lead.fields['zip code'] | default('-') }}"
        "{% if lead.stage %}{{ lead.stage }}{% endif %}"
    )
    fields = compile_content(source_of(html), None).merge_fields
    assert [(use.path, use.has_default) for use in fields] == [
        ("lead.first_name", False),
        ('lead.fields["zip code"]', True),
        ("lead.stage", True),
        ("lead.stage", True),
    ]


@pytest.mark.parametrize(
    ("subject", "code"),
    [("BUY NOW TODAY", "subject_shouts"), ("Offers!!", "subject_shouts"), ("An offer " * 8, "subject_long")],
)
def test_subjects_that_put_people_off(subject: str, code: str) -> None:
    assert found(GOOD, code, subject=subject).field == "subject"


def test_the_code_of_merge_tags_does_not_make_a_subject_long() -> None:
    subject = (
        '{{ lead.first_name | default("Hello") }}, our new prices for {{ lead.fields.city | default("your city") }}'
    )
    assert "subject_long" not in {finding.code for finding in findings(source_of(GOOD, "t", subject))}


def test_a_subject_is_as_long_as_its_default_values_make_it() -> None:
    subject = (
        'An offer for {{ lead.fields.city | default("'
        + "a city with a very long name and much more behind it"
        + '") }}'
    )
    assert "65 characters" in found(GOOD, "subject_long", subject=subject).message


def test_links_to_one_placeholder_host_are_one_finding() -> None:
    links = [
        f"<a href='{url}'>x</a>" for url in ("http://shop.example/a", "http://shop.example/b", "https://b.example")
    ]
    named = findings(source_of("\n".join(links), "text"))
    assert [(each.code, each.line) for each in named] == [("link_placeholder", 1), ("link_placeholder", 3)]


def test_a_long_address_is_shown_shortened() -> None:
    message = found(f'<a href="http://shop.com/{"a" * 90}">x</a>', "link_not_https").message
    assert message == f"http://shop.com/{'a' * 63}… does not use https."


def test_the_audience_is_looked_at() -> None:
    facts = AudienceFacts(total=0, without_email=4)
    errors = findings(source_of(GOOD, "t"), facts)
    assert [(finding.severity, finding.code) for finding in errors] == [
        (Severity.ERROR, "audience_empty"),
        (Severity.WARNING, "leads_without_email"),
    ]
    assert errors[1].count == 4


def test_what_was_not_looked_up_is_not_reported() -> None:
    assert findings(source_of(GOOD, "t"), AudienceFacts()) == []


def test_text_parts() -> None:
    assert [finding.code for finding in findings(source_of(GOOD))] == ["text_part_missing"]
    assert [finding.code for finding in findings(source_of(None, "Hi"))] == ["plain_text_only"]


def test_a_mail_full_of_one_mistake_does_not_bury_the_others() -> None:
    codes = [finding.code for finding in findings(source_of("<img src=a width=1>" * 500 + "<a href=''>x</a>", "t"))]
    assert codes.count("image_without_alt") == 20
    assert codes.count("link_without_destination") == 1


def test_findings_of_one_severity_are_in_the_order_of_their_lines() -> None:
    html = "<a href='https://a.com{{ lead.id }}'>a</a>\n<img src=a width=1>\n<a href='https://b.com{{ lead.id }}'>b</a>"
    warnings = [each for each in findings(source_of(html, "text", "Hello")) if each.severity is Severity.WARNING]
    assert [each.line for each in warnings] == [1, 2, 3]
