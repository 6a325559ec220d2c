"""Time passing in the stack: schedules fire as real time goes by, and at a jump Stripe does in between what is due."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from local.clock import StackClock
from local.schedules import Expression, parse_expression, thinned
from local.seam import Stripe
from local.template import Schedule

_log = logging.getLogger("local.timeline")

MOST_FIRINGS = 30
"""Of all schedules together, in one advance: what fires oftener is thinned evenly."""

_LONGEST_SLEEP_SECONDS = 1.0
_MOST_STEPS_AT_ONE_MOMENT = 1_000


@dataclass(frozen=True)
class Advanced:
    """What an advance did."""

    firings: int
    stripe_steps: int


@dataclass
class _Planned:
    schedule: Schedule
    expression: Expression
    next_firing: float


class Timeline:
    """The order of things. Only one thread moves it at a time, so no schedule ever runs twice at once.

    `fire` runs a schedule's function, `poll` the functions that queues feed; neither raises for a function that fails.
    """

    def __init__(
        self,
        clock: StackClock,
        stripe: Stripe,
        schedules: Sequence[Schedule],
        fire: Callable[[Schedule], None],
        poll: Callable[[], None] = lambda: None,
    ) -> None:
        self._clock = clock
        self._stripe = stripe
        self._fire = fire
        self._poll = poll
        self.advancing = False
        self._turn = threading.Lock()
        self._stopping = threading.Event()
        self._ticker = threading.Thread(target=self._tick, name="timeline", daemon=True)
        self._anchor = clock.unix()
        expressions = [(schedule, parse_expression(schedule.expression)) for schedule in schedules]
        self._planned = [
            _Planned(schedule, expression, next(expression.firings(self._anchor, self._anchor), float("inf")))
            for schedule, expression in expressions
        ]

    @property
    def functions(self) -> tuple[str, ...]:
        """Those that schedules run, each once."""
        return tuple(dict.fromkeys(planned.schedule.function for planned in self._planned))

    def start(self) -> None:
        """Fire schedules as real time goes by. (Stripe has a thread of its own for that.)"""
        self._ticker.start()

    def stop(self) -> None:
        """End the ticking; a run that is under way is not waited for."""
        self._stopping.set()

    def advance(self, seconds: float) -> Advanced:
        """Move the clock on, doing on the way, in order, all that falls due; one advance at a time.

        RuntimeError if Stripe names a moment as due and, when run, leaves it due.
        """
        with self._turn:
            self.advancing = True
            try:
                return self._advance(seconds)
            finally:
                self.advancing = False

    def pass_until(self, unix: float) -> None:
        """Move the clock on to `unix`, doing what Stripe does on the way; no schedule fires, no queue is looked at."""
        with self._turn:
            while (due := self._stripe.next_due()) is not None and due <= unix:
                self._clock.advance_to(due)
                self._run_stripe()
            self._clock.advance_to(unix)
            self._run_stripe()
            self._plan_from(unix)

    def _advance(self, seconds: float) -> Advanced:
        start = self._clock.unix()
        target = start + seconds
        agenda = self._agenda(start, target)
        firings = stripe_steps = standing = 0
        while True:
            moment = self._next_moment(agenda, target)
            if moment is None:
                break
            standing = standing + 1 if moment <= self._clock.unix() else 0
            if standing > _MOST_STEPS_AT_ONE_MOMENT:
                raise RuntimeError(f"the local Stripe stays due at {moment:.0f}")
            self._clock.advance_to(moment)
            stripe_steps += self._run_stripe()
            while agenda and agenda[-1][0] <= moment:
                self._fire(agenda.pop()[1])
                firings += 1
                self._stripe.deliver()
            self._poll()
        self._clock.advance_to(target)
        self._run_stripe()
        self._poll()
        self._plan_from(self._clock.unix())
        return Advanced(firings, stripe_steps)

    def _agenda(self, start: float, target: float) -> list[tuple[float, Schedule]]:
        """The firings up to `target`, latest first."""
        most = max(1, MOST_FIRINGS // max(1, len(self._planned)))
        agenda = [
            (moment, planned.schedule)
            for planned in self._planned
            for moment in thinned(planned.expression, start, target, self._anchor, most)
        ]
        return sorted(agenda, key=lambda entry: entry[0], reverse=True)

    def _next_moment(self, agenda: list[tuple[float, Schedule]], target: float) -> float | None:
        due = self._stripe.next_due()
        moments = [agenda[-1][0]] if agenda else []
        if due is not None:
            moments.append(due)
        earliest = min(moments, default=None)
        return earliest if earliest is not None and earliest <= target else None

    def _run_stripe(self) -> int:
        due = self._stripe.next_due()
        is_due = due is not None and due <= self._clock.unix()
        if is_due:
            self._stripe.run_due()
        self._stripe.deliver()
        return int(is_due)

    def _plan_from(self, unix: float) -> None:
        for planned in self._planned:
            planned.next_firing = next(planned.expression.firings(unix, self._anchor), float("inf"))

    def _tick(self) -> None:
        while not self._stopping.wait(self._sleep_seconds()):
            with self._turn:
                try:
                    self._do_due()
                except Exception:  # noqa: BLE001 - the ticker outlives a fault of what it runs
                    _log.exception("a tick failed")

    def _sleep_seconds(self) -> float:
        upcoming = min((planned.next_firing for planned in self._planned), default=float("inf"))
        return min(_LONGEST_SLEEP_SECONDS, max(0.01, upcoming - self._clock.unix()))

    def _do_due(self) -> None:
        now = self._clock.unix()
        self._poll()
        for planned in self._planned:
            if planned.next_firing <= now and not self._stopping.is_set():
                self._fire(planned.schedule)
                planned.next_firing = next(planned.expression.firings(now, self._anchor), float("inf"))
