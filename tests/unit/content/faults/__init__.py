"""Faults as a compiler, scanner or storage with a bug would make them: each kind breaks a promise about mails.

A fault takes a compiled mail and gives it with one thing wrong, or None where that mail has nothing to do it to.
"""

from collections.abc import Callable
from random import Random
from typing import Final

from chalicelib.content.compiled import CompiledContent
from tests.unit.content.faults import additions, links, markup, merge_tags, report
from tests.unit.content.programs import Program

KINDS: Final[tuple[Callable[[Program, Random], CompiledContent | None], ...]] = (
    links.link_not_tracked,
    links.link_for_outlook_not_tracked,
    links.wrong_destination,
    links.destinations_change_places,
    links.ids_change_places,
    links.wrong_id,
    links.wrong_signature,
    links.another_host,
    links.another_path,
    links.delivery_lost,
    links.utm_lost_or_doubled,
    links.tracked_though_left,
    links.link_with_values_altered,
    report.left_link_not_reported,
    report.tracked_link_not_reported,
    report.reported_but_not_there,
    report.reported_with_another_address,
    report.reported_with_another_id,
    report.reported_as_the_other,
    markup.character_changed,
    markup.character_lost,
    markup.character_doubled,
    markup.tag_lost,
    markup.tag_doubled,
    markup.attribute_added,
    markup.attribute_lost,
    markup.attribute_changed,
    markup.reference_decoded,
    markup.reference_escaped_twice,
    markup.quote_lost,
    markup.comment_changed,
    markup.character_set_changed,
    markup.doctype_changed,
    markup.part_lost_or_doubled,
    merge_tags.value_lost,
    merge_tags.value_moved,
    merge_tags.value_altered,
    merge_tags.default_changed,
    merge_tags.expression_changed,
    merge_tags.statement_lost,
    merge_tags.statement_moved,
    merge_tags.condition_changed,
    merge_tags.branches_change_places,
    additions.pixel_missing,
    additions.pixel_twice,
    additions.pixel_hidden,
    additions.pixel_altered,
    additions.addition_in_a_branch,
    additions.addition_out_of_sight,
    additions.footer_missing,
    additions.footer_twice,
    additions.footer_misplaced,
    additions.footer_altered,
)
