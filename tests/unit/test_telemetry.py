"""A log line that is a metric too has exactly the form that CloudWatch reads."""

import json
import time

import pytest

from chalicelib.telemetry import count


def test_a_metric_has_the_embedded_metric_format(capsys: pytest.CaptureFixture[str]) -> None:
    """CloudWatch drops a line of another form in silence, and what alarms and dashboard show would be nothing.

    Metrics are counts without a unit: alarms name none, and one added here would begin a second series beside the old.
    Source: CloudWatch user guide, "Specification: Embedded metric format"; a unit is optional and None by default.
    """
    began = time.time() * 1000
    count("hit", {"Hits": 1, "FirstHits": 2}, kind="open", machine="tool")
    (text,) = capsys.readouterr().out.splitlines()
    line = json.loads(text)
    directive = line.pop("_aws")
    assert began - 1 <= directive.pop("Timestamp") <= time.time() * 1000
    assert directive == {
        "CloudWatchMetrics": [
            {
                "Namespace": "LeadflipCampaigns",
                "Dimensions": [["function", "kind"]],
                "Metrics": [{"Name": "Hits"}, {"Name": "FirstHits"}],
            }
        ]
    }
    expected = {"message": "hit", "function": "local", "kind": "open", "machine": "tool", "Hits": 1, "FirstHits": 2}
    assert line == expected


def test_a_warning_says_its_level_and_time(capsys: pytest.CaptureFixture[str]) -> None:
    count("hit_parked", {"HitsParked": 1}, kind="open", level="WARNING")
    line = json.loads(capsys.readouterr().out)
    assert line["level"] == "WARNING"
    assert line["timestamp"].endswith("Z")
