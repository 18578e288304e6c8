from datetime import UTC, datetime

from chalicelib.store.statements import (
    Delete,
    Put,
    Query,
    Update,
    begins_with,
    below,
    differs,
    equals,
    exists,
    has_size,
    lacks,
    missing,
    one_of,
)

KEY = {"pk": {"S": "cmp_1"}, "sk": {"S": "campaign"}}


def test_an_update_says_what_it_changes_and_what_must_hold() -> None:
    is_going = one_of("status", "planning", "sending")
    not_before = missing("tripped") | lacks("tripped", "bounces")
    update = Update("campaigns", KEY).set(status="paused").remove("waiting").add(tripped={"bounces"})

    assert update.require(is_going, not_before).arguments == {
        "TableName": "campaigns",
        "Key": KEY,
        "UpdateExpression": "SET #n0 = :v0 REMOVE #n1 ADD #n2 :v1",
        "ConditionExpression": (
            "#n0 IN (:v2, :v3) AND (attribute_not_exists(#n2) OR NOT contains(#n2, :v4))"  # names are shared
        ),
        "ExpressionAttributeNames": {"#n0": "status", "#n1": "waiting", "#n2": "tripped"},
        "ExpressionAttributeValues": {
            ":v0": {"S": "paused"},
            ":v1": {"SS": ["bounces"]},
            ":v2": {"S": "planning"},
            ":v3": {"S": "sending"},
            ":v4": {"S": "bounces"},
        },
    }


def test_a_tuple_leads_into_a_map_and_a_dot_is_part_of_a_name() -> None:
    update = Update("t", KEY).set({("clicks", "3m"): 1, "left#a.b": 2})

    assert update.arguments["UpdateExpression"] == "SET #n0.#n1 = :v0, #n2 = :v1"
    assert update.arguments["ExpressionAttributeNames"] == {"#n0": "clicks", "#n1": "3m", "#n2": "left#a.b"}


def test_none_is_left_out() -> None:
    assert Update("t", KEY).set(status="failed", detail=None).arguments["UpdateExpression"] == "SET #n0 = :v0"


def test_what_exists_is_kept_or_appended_to() -> None:
    update = (
        Update("t", KEY).set_once(opened_at=datetime(2026, 12, 1, tzinfo=UTC)).append(("later", "1"), [{"url": "u"}])
    )

    assert update.arguments["UpdateExpression"] == (
        "SET #n0 = if_not_exists(#n0, :v0), #n1.#n2 = list_append(if_not_exists(#n1.#n2, :v1), :v2)"
    )
    assert update.arguments["ExpressionAttributeValues"] == {
        ":v0": {"S": "2026-12-01T00:00:00.000Z"},
        ":v1": {"L": []},
        ":v2": {"L": [{"M": {"url": {"S": "u"}}}]},
    }


def test_an_alternative_within_a_conjunction_keeps_its_parentheses() -> None:
    either = exists("a") & equals("b", 1) | missing("c")
    update = Delete("t", KEY).require(either & differs("d", 2), has_size("e", 3))

    assert update.arguments["ConditionExpression"] == (
        "(attribute_exists(#n0) AND #n1 = :v0 OR attribute_not_exists(#n2)) AND #n3 <> :v1 AND size(#n4) = :v2"
    )


def test_a_statement_without_conditions_has_none() -> None:
    assert Delete("t", KEY).arguments == {"TableName": "t", "Key": KEY}
    assert Put("t", KEY).arguments == {"TableName": "t", "Item": KEY}


def test_a_transaction_names_the_kind_of_each() -> None:
    statements = (Put("t", KEY), Update("t", KEY).set(a=1), Delete("t", KEY))

    assert [next(iter(each.action)) for each in statements] == ["Put", "Update", "Delete"]


def test_a_query_reads_one_partition() -> None:
    query = Query(key=equals("pk", "lead#1") & begins_with("sk", "act#"), where=below("at", 5), only="sk")

    assert query.arguments("t") == {
        "TableName": "t",
        "ConsistentRead": False,
        "KeyConditionExpression": "#n0 = :v0 AND begins_with(#n1, :v1)",
        "ScanIndexForward": True,
        "FilterExpression": "#n2 < :v2",
        "ProjectionExpression": "#n1",
        "ExpressionAttributeNames": {"#n0": "pk", "#n1": "sk", "#n2": "at"},
        "ExpressionAttributeValues": {":v0": {"S": "lead#1"}, ":v1": {"S": "act#"}, ":v2": {"N": "5"}},
    }
