"""The log that many threads print to."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor

from local.lines import WholeLines


def test_a_line_that_another_thread_prints_into_stays_whole() -> None:
    target = io.StringIO()
    lines = WholeLines(target)
    with ThreadPoolExecutor(1) as another:
        print("begun", end="", file=lines)
        another.submit(print, "another's", file=lines).result()
        print(", and ended", file=lines)
    assert target.getvalue() == "another's\nbegun, and ended\n"


def test_lines_at_once_are_handed_on_in_their_order() -> None:
    target = io.StringIO()
    lines = WholeLines(target)
    assert lines.write("one\ntwo\nthr") == 11
    lines.write("ee\n")
    lines.flush()
    assert target.getvalue() == "one\ntwo\nthree\n"
