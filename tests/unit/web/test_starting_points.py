"""The check notes what is still as a starting point has it (starting-points.js), run by node."""

from tests.unit.web.node import run


def test_what_is_left_of_a_starting_point_is_noted() -> None:
    found = run(
        "starting-points.js",
        """
        const { STARTING_POINTS, examplesLeft } = module;
        const [, point] = STARTING_POINTS;
        const written = "# News\\n\\nWe have new prices from March on, for all of you.\\n";
        const own = { preview_text: "Our new prices", markdown: written };
        const ours = point.markdown.split("\\n");
        const left = [0, 2, 4].map((line) => ours[line]);
        console.log(JSON.stringify([
            STARTING_POINTS.map((each) => examplesLeft(each).map(({ field }) => field)),
            examplesLeft(point),
            examplesLeft({ ...own, markdown: `${written}${left.join("\\n")}` }),
            examplesLeft(own), examplesLeft({ preview_text: null, markdown: null }),
        ]));
        """,
    )
    untouched, (of_preview, of_text), rest, own, nothing = found
    assert untouched == [["preview_text", "markdown"]] * 4
    assert of_preview["field"] == "preview_text"
    assert of_text["line"] == 5
    assert of_text["message"].startswith("This line and ")
    assert [(each["line"], each["message"]) for each in rest] == [(6, "This line is still the starting point’s.")]
    assert own == nothing == []
