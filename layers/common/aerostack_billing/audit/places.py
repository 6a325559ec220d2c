"""How far the audit of a large stack came: an item of the Events table for each kind of pass in each segment."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final, Literal, get_args

from aerostack_billing.ledger.ledger import present
from aerostack_billing.platform import clock
from aerostack_billing.platform.dynamo import Dynamo, Item, Segment, Write
from aerostack_billing.values.fields import adapter

Kind = Literal["changed", "all"]
"""A pass looks at what was written since the last one of its kind began, or at all there is."""
Stage = Literal["wallets", "creators", "counters"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
SEGMENTS: Final = 16
"""Of each table. Another number has items of its own, and begins anew."""
EVERY_SECONDS: Final[dict[Kind, int]] = {"changed": 22 * 3_600, "all": 6 * 86_400}
"""How long after one pass began the next is due: within a day and a week, with time left for the pass itself."""

_WHOLE: Final = "audit#whole"
_SILENT_SECONDS: Final = 120
"""A place that its run has not kept for so long has lost it: a run keeps its place every fifty items."""
_LONGEST_RUN_SECONDS: Final = 900
"""As long as Lambda lets a function run, and so the longest time from when a write is stamped to when it is made."""


@dataclass(frozen=True)
class Whole:
    """Of a stack that one run audits whole, when that was last; of a large one, since when it is one. Unix seconds.

    `begun_at` is when the last run began to look how large it is. `covered`: what was written before was audited.
    `trying_since`: when a run began to audit all, while it has not come to its end.
    """

    begun_at: int | None = None
    covered: int | None = None
    large_since: int | None = None
    trying_since: int | None = None

    @property
    def is_due(self) -> bool:
        """Whether the stack is to be audited whole, or its size looked at; not while a run may be at it."""
        now = clock.seconds()
        done = self.covered if self.large_since is None else self.begun_at
        if done is not None and now - done < EVERY_SECONDS["changed"]:
            return False
        return self.begun_at is None or now - self.begun_at >= _LONGEST_RUN_SECONDS

    @property
    def is_too_much(self) -> bool:
        """Whether the last run that audited all ended before its end: this time it goes by segments, however few."""
        return self.trying_since is not None and clock.seconds() - self.trying_since >= _LONGEST_RUN_SECONDS

    @property
    def since(self) -> int:
        """From when on passes by segments have to look at what changed."""
        return self.covered or self.large_since or clock.seconds()

    @property
    def behind_seconds(self) -> int:
        """How old the last audit of all is; 0 before the first."""
        return 0 if self.covered is None else max(0, clock.seconds() - self.covered)


@dataclass(frozen=True)
class Place:
    """Where the passes of one kind stand in one segment. Whatever it says is true for good, whoever writes it when.

    `began_at`: when the pass under way began, which has come behind the key `after` of its stage's table. `covered`:
    when the last pass began that came to its end. `kept_at`: when a run last kept it, if one is at it. `starts`: how
    many runs in a row began here and came no further; after some of them `looking` is the key that is looked at now.
    Times are unix seconds.
    """

    kind: Kind
    number: int
    stage: Stage = "wallets"
    after: Item | None = None
    began_at: int | None = None
    covered: int | None = None
    kept_at: int | None = None
    starts: int = 0
    looking: Item | None = None

    @property
    def segment(self) -> Segment:
        """The part of each table that it is about."""
        return Segment(self.number, SEGMENTS)

    @property
    def is_due(self) -> bool:
        """Whether a pass is under way, or the next is due."""
        if self.began_at is not None or self.covered is None:
            return True
        return clock.seconds() - self.covered >= EVERY_SECONDS[self.kind]

    @property
    def is_free(self) -> bool:
        """Whether no run seems to be at it. Where one is all the same, both look at the same: no harm."""
        silent = _SILENT_SECONDS if self.looking is None else _LONGEST_RUN_SECONDS
        return self.kept_at is None or clock.seconds() - self.kept_at >= silent

    def since(self, whole: Whole) -> int | None:
        """From when on the pass looks at what was written; None: at all.

        A write is stamped before it is made, at most as long as a function runs: so much the last pass may have missed.
        """
        return None if self.kind == "all" else (self.covered or whole.since) - _LONGEST_RUN_SECONDS

    def behind_seconds(self, whole: Whole) -> int:
        """How old the last look is that came to its end; of a stack that was never looked at, since it is large."""
        return max(0, clock.seconds() - (self.covered or whole.since))


class Places:
    """Where the audit stands: items of the Events table, put without a condition."""

    def __init__(self, dynamo: Dynamo, table: str) -> None:
        self._dynamo = dynamo
        self._table = table

    def whole(self) -> Whole:
        """What is known of the stack as a whole."""
        whole: Whole = adapter(Whole).validate_python(self._dynamo.get(self._table, {"event_id": _WHOLE}) or {})
        return whole

    def keep_whole(self, whole: Whole) -> None:
        """Keep it."""
        self._dynamo.put(Write(self._table, {}, put={"event_id": _WHOLE, **present(asdict(whole))}))

    def all(self) -> list[Place]:
        """The place of each kind in each segment, in one request."""
        places = {_name(place): place for kind in KINDS for place in [Place(kind, n) for n in range(SEGMENTS)]}
        keys: list[Item] = [{"event_id": name} for name in places]
        for item in self._dynamo.batch_get({self._table: keys}, consistent=True)[self._table]:
            places[str(item["event_id"])] = adapter(Place).validate_python(item)
        return list(places.values())

    def behind_seconds(self) -> dict[Kind, int] | None:
        """How old the oldest look of each kind is; None before anything was audited. Two requests at most."""
        whole = self.whole()
        if whole.large_since is None:
            return None if whole.covered is None else dict.fromkeys(KINDS, whole.behind_seconds)
        places = self.all()
        return {kind: max(p.behind_seconds(whole) for p in places if p.kind == kind) for kind in KINDS}

    def keep(self, place: Place) -> None:
        """Keep it. Of two runs at one place the last to write is gone on from: what it says was looked at was."""
        self._dynamo.put(Write(self._table, {}, put={"event_id": _name(place), **present(asdict(place))}))


def _name(place: Place) -> str:
    return f"audit#{place.kind}#{place.number}/{SEGMENTS}"
