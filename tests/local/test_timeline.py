from __future__ import annotations

import threading

import pytest

from local.clock import StackClock
from local.template import Schedule
from local.timeline import MOST_FIRINGS, Timeline
from tests.local.harness import IdleStripe

START = 1_000_000.0


def hourly(name: str = "Sweep.Hourly") -> Schedule:
    return Schedule(name, "SweepFunction", "rate(1 hour)", None)


class Course:
    """A timeline over a clock that stands still, and what happened on it."""

    def __init__(self, *schedules: Schedule, due: tuple[float, ...] = ()) -> None:
        self.clock = StackClock(source=lambda: START)
        self.stripe = IdleStripe(self.clock, [START + moment for moment in due])
        self.timeline = Timeline(self.clock, self.stripe, schedules, self.fire)

    def fire(self, schedule: Schedule) -> None:
        self.stripe.happened.append(f"{schedule.name} {self.clock.unix():.0f}")

    @property
    def happened(self) -> list[str]:
        return [f"{what} {float(moment) - START:.0f}" for what, moment in map(str.split, self.stripe.happened)]


def test_an_advance_does_what_falls_due_in_the_order_of_time() -> None:
    course = Course(hourly(), due=(5_400.0, 1_800.0))
    course.timeline.advance(7_200)
    assert course.happened == ["stripe 1800", "Sweep.Hourly 3600", "stripe 5400", "Sweep.Hourly 7200"]


def test_at_one_moment_stripe_goes_before_the_schedules() -> None:
    course = Course(hourly(), due=(3_600.0,))
    course.timeline.advance(3_600)
    assert course.happened == ["stripe 3600", "Sweep.Hourly 3600"]


def test_an_advance_ends_at_the_moment_asked_for() -> None:
    course = Course(hourly(), due=(90_000.0,))
    assert course.timeline.advance(86_400).firings == 24
    assert course.clock.unix() == START + 86_400
    assert course.stripe.due == [START + 90_000]


def test_what_falls_due_by_what_was_done_is_done_in_the_same_advance() -> None:
    course = Course(hourly())
    fire = course.fire

    def fire_and_owe(schedule: Schedule) -> None:
        fire(schedule)
        if not course.stripe.due:
            course.stripe.due.append(course.clock.unix() + 60)

    course.timeline = Timeline(course.clock, course.stripe, [hourly()], fire_and_owe)
    course.timeline.advance(3_700)
    assert course.happened == ["Sweep.Hourly 3600", "stripe 3660"]


def test_the_next_advance_goes_on_where_the_last_one_ended() -> None:
    course = Course(hourly())
    course.timeline.advance(5_400)
    course.timeline.advance(1_800)
    assert course.happened == ["Sweep.Hourly 3600", "Sweep.Hourly 7200"]


def test_a_long_advance_fires_a_bounded_number_of_times() -> None:
    course = Course(*(Schedule(f"Sweep.{n}", "SweepFunction", "rate(1 minute)", None) for n in range(4)))
    assert course.timeline.advance(365 * 86_400).firings == MOST_FIRINGS // 4 * 4 > 20


def test_a_stripe_that_stays_due_ends_the_advance_with_an_error() -> None:
    course = Course()
    course.stripe.next_due = lambda: START  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="stays due"):
        course.timeline.advance(60)


def test_a_schedule_is_never_run_by_two_advances_at_once() -> None:
    running = threading.Lock()
    collided = []

    def fire(_: Schedule) -> None:
        if not running.acquire(blocking=False):
            collided.append(True)
            return
        threading.Event().wait(0.001)
        running.release()

    clock = StackClock(source=lambda: START)
    timeline = Timeline(clock, IdleStripe(clock), [hourly()], fire)
    threads = [threading.Thread(target=timeline.advance, args=(36_000,)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not collided
    assert clock.unix() == START + 4 * 36_000


def test_schedules_fire_by_themselves_as_time_passes() -> None:
    real = START
    fired = threading.Event()
    clock = StackClock(source=lambda: real)
    timeline = Timeline(clock, IdleStripe(clock), [hourly()], lambda _: fired.set())
    timeline.start()
    try:
        real = START + 3_600
        assert fired.wait(60)
    finally:
        timeline.stop()
