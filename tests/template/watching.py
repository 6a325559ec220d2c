"""What the template's alarms and its dashboard look for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Watched:
    """A metric as CloudWatch is asked for it. What only a deployment knows stands as `Fn::Sub` writes it: `${Api}`."""

    namespace: str
    metric: str
    dimensions: tuple[tuple[str, str], ...]

    @property
    def is_ours(self) -> bool:
        """Whether the functions tell it, and not AWS."""
        return not self.namespace.startswith("AWS/")


def alarms(resources: Mapping[str, Any]) -> Iterator[Watched]:
    """What the alarms watch: one metric, or the sum of several."""
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm":
            alarm = resource["Properties"]
            summed = [each["MetricStat"]["Metric"] for each in alarm.get("Metrics", []) if "MetricStat" in each]
            for metric in summed or [alarm]:
                dimensions = tuple((each["Name"], text(each["Value"])) for each in metric["Dimensions"])
                yield Watched(text(metric["Namespace"]), metric["MetricName"], dimensions)


def widgets(resources: Mapping[str, Any]) -> Iterator[Watched]:
    """What the dashboard's widgets show; searches for many metrics at once left out."""
    for widget in json.loads(dashboard(resources))["widgets"]:
        for row in widget["properties"].get("metrics", []):
            if isinstance(row[0], str):
                # Options of how it is drawn come last, as an object.
                namespace, metric, *pairs = (each for each in row if isinstance(each, str))
                yield Watched(namespace, metric, tuple(zip(pairs[::2], pairs[1::2], strict=True)))


def dashboard(resources: Mapping[str, Any]) -> str:
    """The dashboard's body, with references in it as they are written."""
    return text(resources["Dashboard"]["Properties"]["DashboardBody"])


def text(value: object) -> str:
    """A value of the template, with references in it as `Fn::Sub` writes them."""
    if not isinstance(value, dict):
        return str(value)
    ((function, argument),) = value.items()
    written: dict[str, Callable[[], str]] = {
        "Ref": lambda: f"${{{argument}}}",
        "Fn::GetAtt": lambda: f"${{{'.'.join(argument)}}}",
        # What is not restored stands under its own name.
        "Fn::If": lambda: text(argument[2]),
        "Fn::Sub": lambda: argument[0] if isinstance(argument, list) else argument,
    }
    return written[function]()
