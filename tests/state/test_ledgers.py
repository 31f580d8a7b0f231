"""The contract of ledgers: every store of `conftest.LEDGERS` passes every test here."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from policyengine.charges import Charge, Hold, Standing
from policyengine.errors import StateError
from policyengine.state.store import REMEMBERED

END = 10_000.0


def charge(
    amount: int = 1,
    limit: int | None = 10,
    key: str = "k",
    slot: int = 0,
    since: int = 0,
    width: int = 0,
    lasts: int = 100_000,
) -> Charge:
    return Charge(key, "requests", amount, limit, slot, since, width, lasts, 0, "all", "ever")


def minute(amount: int, at: int, limit: int = 10, key: str = "m") -> Charge:
    """A rolling minute in slots of ten seconds."""
    slot = at // 10 * 10
    return charge(amount, limit, key, slot, slot - 60, width=10)


def holds(charges: Sequence[Charge]) -> list[Hold]:
    return [Hold(c.key, c.unit, c.amount, c.slot, c.lasts) for c in charges]


def used(ledger: Any, one: Charge, now: float = 0.0) -> tuple[int, int]:
    (standing,) = ledger.standing([one], now)
    return standing.spent, standing.reserved


def test_what_is_held_counts_until_there_is_no_room(ledger: Any) -> None:
    assert ledger.reserve("a", [charge(6)], 0.0, END) == {}
    assert ledger.reserve("b", [charge(5)], 0.0, END) == {0: Standing(0, 6, ((0, 6),))}
    assert ledger.reserve("c", [charge(4)], 0.0, END) == {}
    assert ledger.reserve("d", [charge(0)], 0.0, END) == {}
    assert ledger.standing([charge()], 0.0) == [Standing(0, 10, ((0, 10),))]


def test_an_empty_counter_stands_at_nothing(ledger: Any) -> None:
    assert list(ledger.standing([charge(), charge(key="l")], 0.0)) == [Standing(0, 0)] * 2
    assert list(ledger.standing([], 0.0)) == []
    assert ledger.reserve("none", [], 0.0, END) == {}
    assert ledger.settle("none", [], [], 0.0)


def test_all_charges_are_held_or_none(ledger: Any) -> None:
    keys = [charge(3, 3, "a"), charge(3, 2, "b"), charge(3, None, "c"), charge(3, 1, "d")]
    assert ledger.reserve("r", keys, 0.0, END) == {1: Standing(0, 0), 3: Standing(0, 0)}
    assert [used(ledger, one) for one in keys] == [(0, 0)] * 4
    wide = [one._replace(limit=None) for one in keys]
    assert ledger.reserve("r", wide, 0.0, END) == {}
    assert [used(ledger, one) for one in keys] == [(0, 3)] * 4


def test_without_a_limit_it_is_only_counted(ledger: Any) -> None:
    assert ledger.reserve("a", [charge(100, None)], 0.0, END) == {}
    assert ledger.reserve("b", [charge(0)], 0.0, END) == {0: Standing(0, 100, ((0, 100),))}


def test_an_id_is_reserved_once(ledger: Any) -> None:
    for _ in range(3):
        assert ledger.reserve("a", [charge(6)], 0.0, END) == {}
    assert used(ledger, charge()) == (0, 6)
    assert ledger.settle("a", holds([charge(6)]), [6], 0.0)
    assert ledger.reserve("a", [charge(6)], 0.0, END) == {}
    assert used(ledger, charge()) == (6, 0)


# A spread namespace of Redis promises that for each of its parts only.
@pytest.mark.parametrize("opens", ["memory", "leased", "sqlite", "redis"], indirect=True)
def test_an_id_is_known_whatever_is_asked(ledger: Any) -> None:
    assert ledger.reserve("a", [charge(6)], 0.0, END) == {}
    assert ledger.reserve("a", [charge(9, key="other")], 0.0, END) == {}
    assert used(ledger, charge(key="other")) == (0, 0)


@pytest.mark.parametrize("amount", [0, 3, 6, 25])
def test_settling_counts_what_was_used(ledger: Any, amount: int) -> None:
    held = [charge(6), charge(1, key="l")]
    ledger.reserve("a", held, 0.0, END)
    assert ledger.settle("a", holds(held), [amount, 1], 1.0)
    assert not ledger.settle("a", holds(held), [amount, 1], 2.0)
    assert not ledger.release("a", holds(held), 2.0)
    assert [used(ledger, one) for one in held] == [(amount, 0), (1, 0)]


def test_releasing_gives_everything_back_once(ledger: Any) -> None:
    ledger.reserve("a", [charge(6)], 0.0, END)
    ledger.reserve("b", [charge(4)], 0.0, END)
    assert ledger.release("a", holds([charge(6)]), 1.0)
    assert not ledger.release("a", holds([charge(6)]), 1.0)
    assert not ledger.settle("a", holds([charge(6)]), [6], 1.0)
    assert used(ledger, charge()) == (0, 4)


def test_what_is_forgotten_expires_before_anything_is_refused(ledger: Any) -> None:
    ledger.reserve("a", [charge(6), charge(10, key="l")], 0.0, 50.0)
    ledger.reserve("b", [charge(4)], 0.0, 60.0)
    assert ledger.reserve("c", [charge(1)], 49.9, END) == {0: Standing(0, 10, ((0, 10),))}
    assert ledger.reserve("c", [charge(7)], 50.0, END) == {0: Standing(0, 4, ((0, 4),))}
    assert ledger.reserve("c", [charge(6)], 50.0, END) == {}
    assert used(ledger, charge(), 60.0) == (0, 6)
    assert used(ledger, charge(key="l"), 60.0) == (0, 0)


def test_settling_after_expiry_counts_everything_once(ledger: Any) -> None:
    ledger.reserve("a", [charge(6)], 0.0, 50.0)
    assert used(ledger, charge(), 50.0) == (0, 0)
    assert ledger.settle("a", holds([charge(6)]), [7], 70.0)
    assert not ledger.settle("a", holds([charge(6)]), [7], 71.0)
    assert used(ledger, charge(), 71.0) == (7, 0)


def test_settling_what_was_never_held_counts_it(ledger: Any) -> None:
    assert ledger.settle("a", holds([charge(6)]), [7], 70.0)
    assert used(ledger, charge(), 70.0) == (7, 0)
    assert ledger.reserve("a", [charge(1)], 70.0, END) == {}
    assert used(ledger, charge(), 70.0) == (7, 0)


def test_releasing_what_has_expired_leaves_others_alone(ledger: Any) -> None:
    ledger.reserve("a", [charge(6)], 0.0, 50.0)
    ledger.reserve("b", [charge(4)], 0.0, END)
    assert used(ledger, charge(), 55.0) == (0, 4)
    assert ledger.release("a", holds([charge(6)]), 60.0)
    assert not ledger.settle("a", holds([charge(6)]), [6], 61.0)
    assert used(ledger, charge(), 61.0) == (0, 4)


def test_a_rolling_window_never_holds_more_than_the_limit(ledger: Any) -> None:
    random_ = random.Random(1)
    accepted: list[tuple[int, int]] = []
    now = 1_000
    for number in range(150):
        now += random_.randrange(7)
        amount = random_.randrange(1, 5)
        one = minute(amount, now)
        if not ledger.reserve(f"r{number}", [one], float(now), now + 600.0):
            assert ledger.settle(f"r{number}", holds([one]), [amount], float(now))
            accepted.append((now, amount))
    for end, _ in accepted:
        assert sum(amount for at, amount in accepted if end - 60 < at <= end) <= 10
    assert sum(amount for _, amount in accepted) > 60


def test_slots_leave_the_window_one_by_one(ledger: Any) -> None:
    for number, at in enumerate([100, 110, 125, 160]):
        assert ledger.reserve(f"r{number}", [minute(2, at)], float(at), END) == {}
    (standing,) = ledger.standing([minute(0, 160)], 160.0)
    assert standing == Standing(0, 8, ((100, 2), (110, 2), (120, 2), (160, 2)))
    assert ledger.reserve("x", [minute(5, 161)], 161.0, END) == {0: standing}
    (later,) = ledger.standing([minute(0, 171)], 171.0)
    assert later == Standing(0, 6, ((110, 2), (120, 2), (160, 2)))
    assert ledger.reserve("x", [minute(4, 171)], 171.0, END) == {}
    # What left the window is settled without a trace.
    assert ledger.settle("r0", holds([minute(2, 100)]), [9], 172.0)
    assert used(ledger, minute(0, 171), 172.0) == (0, 10)


def test_a_refusal_changes_nothing(ledger: Any) -> None:
    ledger.reserve("a", [minute(10, 100)], 100.0, END)
    assert ledger.reserve("b", [minute(11, 500)], 500.0, END) == {0: Standing(0, 0)}
    # The refused one was later, but nothing is held there.
    assert ledger.reserve("c", [minute(1, 100)], 101.0, END) == {0: Standing(0, 10, ((100, 10),))}


def test_a_clock_that_goes_back_frees_nothing(ledger: Any) -> None:
    day = 86_400

    def today(amount: int, number: int) -> Charge:
        return charge(amount, 10, "d", number * day, number * day, width=day, lasts=9 * day)

    assert ledger.reserve("a", [today(10, 5)], 5.0 * day, 9.0 * day) == {}
    assert ledger.reserve("b", [today(1, 4)], 4.0 * day, 9.0 * day) == {
        0: Standing(0, 10, ((5 * day, 10),))
    }
    assert used(ledger, today(0, 4), 4.0 * day) == (0, 10)
    # Forward there is a new window, and back again it is the one that counts.
    assert ledger.reserve("c", [today(6, 6)], 6.0 * day, 9.0 * day) == {}
    assert ledger.reserve("d", [today(5, 5)], 5.0 * day, 9.0 * day)
    assert ledger.reserve("d", [today(4, 5)], 5.0 * day, 9.0 * day) == {}
    assert used(ledger, today(0, 6), 6.0 * day) == (0, 10)
    # It was held in the later slot, and is settled there.
    assert ledger.settle("d", holds([today(4, 5)]), [3], 5.0 * day)
    assert used(ledger, today(0, 6), 6.0 * day) == (3, 6)


@pytest.mark.parametrize("looked", [True, False])
@pytest.mark.parametrize("how", ["reserved", "raised", "taken"])
def test_what_has_expired_is_settled_where_it_was_held(ledger: Any, how: str, looked: bool) -> None:
    def today(amount: int, number: int) -> Charge:
        return charge(amount, 10, "d", number * 100, number * 100, width=100)

    assert ledger.reserve("later", [today(1, 6)], 600.0, END) == {}
    # The clock is set back, and what is asked for the fifth is held in the sixth.
    asked, until = today(2, 5), 500.0 + 5
    if how == "taken":
        assert ledger.take("a", asked, 1, 500.0, until) == 2
    else:
        assert ledger.reserve("a", [asked], 500.0, until) == {}
    if how == "raised":
        until += 50
        assert ledger.raised("a", [asked._replace(amount=4)], 501.0, until) == {}
    assert used(ledger, today(0, 6), 502.0) == (0, 5 if how == "raised" else 3)
    if looked:
        assert used(ledger, today(0, 6), until) == (0, 1)
    else:
        # It is given back by whoever comes next.
        assert ledger.reserve("next", [today(9, 6)], until, END) == {}
        assert ledger.release("next", holds([today(9, 6)]), until)
    assert ledger.settle("a", holds([asked]), [7], until)
    assert not ledger.settle("a", holds([asked]), [7], until)
    assert used(ledger, today(0, 6), until) == (7, 1)
    assert ledger.reserve("more", [today(3, 6)], until, END)


def test_what_is_held_anew_is_settled_where_it_is_held_then(ledger: Any) -> None:
    def today(amount: int, number: int) -> Charge:
        return charge(amount, 10, "d", number * 100, number * 100, width=100)

    ledger.reserve("later", [today(1, 6)], 600.0, 601.0)
    assert ledger.reserve("a", [today(2, 5)], 500.0, 505.0) == {}
    assert used(ledger, today(0, 7), 700.0) == (0, 0)
    assert ledger.reserve("a", [today(2, 7)], 700.0, 705.0) == {}
    # Whether it is, is for the store to say.
    is_held = used(ledger, today(0, 7), 701.0) == (0, 2)
    assert used(ledger, today(0, 7), 710.0) == (0, 0)
    assert ledger.settle("a", holds([today(2, 7)]), [3], 710.0)
    assert used(ledger, today(0, 7), 710.0) == (3 if is_held else 0, 0)


def test_a_rolling_window_moves_with_the_latest_slot(ledger: Any) -> None:
    ledger.reserve("a", [minute(6, 100)], 100.0, END)
    ledger.reserve("b", [minute(3, 150)], 150.0, END)
    assert ledger.reserve("c", [minute(2, 90)], 90.0, END)[0] == Standing(
        0, 9, ((100, 6), (150, 3))
    )
    assert ledger.reserve("c", [minute(1, 90)], 90.0, END) == {}
    (standing,) = ledger.standing([minute(0, 90)], 90.0)
    assert standing == Standing(0, 10, ((100, 6), (150, 4)))


def test_a_reservation_can_be_raised(ledger: Any) -> None:
    held = [charge(2), charge(3, key="l")]
    ledger.reserve("a", held, 0.0, 50.0)
    more = [charge(9), charge(10, key="l")]
    assert ledger.raised("a", more, 40.0, 90.0) == {}
    assert [used(ledger, one, 60.0) for one in held] == [(0, 9), (0, 10)]
    assert ledger.raised("a", [charge(10), charge(11, key="l")], 60.0, 95.0) == {
        1: Standing(0, 10, ((0, 10),))
    }
    assert [used(ledger, one, 60.0) for one in held] == [(0, 9), (0, 10)]
    assert [used(ledger, one, 95.0) for one in held] == [(0, 0), (0, 0)]
    with pytest.raises(StateError) as raised:
        ledger.raised("a", more, 95.0, 200.0)
    assert raised.value.code == "reservation-over"


def test_what_was_not_raised_does_not_last_longer(ledger: Any) -> None:
    ledger.reserve("a", [charge(2), charge(3, key="l")], 0.0, 50.0)
    assert ledger.raised("a", [charge(3), charge(11, key="l")], 40.0, 90.0) != {}
    assert used(ledger, charge(), 50.0) == (0, 0)


def test_settling_what_was_raised_gives_all_of_it_back(ledger: Any) -> None:
    ledger.reserve("a", [charge(2)], 0.0, 50.0)
    ledger.raised("a", [charge(8)], 1.0, 60.0)
    assert ledger.settle("a", holds([charge(2)]), [5], 2.0)
    assert used(ledger, charge(), 2.0) == (5, 0)
    for id in ["a", "unknown"]:
        with pytest.raises(StateError) as raised:
            ledger.raised(id, [charge(9)], 3.0, 60.0)
        assert raised.value.code == "reservation-over"


def test_refunds_take_off_what_was_settled_and_no_more(ledger: Any) -> None:
    ledger.reserve("a", [charge(6)], 0.0, END)
    ledger.settle("a", holds([charge(6)]), [6], 0.0)
    ledger.reserve("b", [charge(2)], 0.0, END)
    assert ledger.refund("a/1", holds([charge(6)]), [2], 1.0)
    assert not ledger.refund("a/1", holds([charge(6)]), [2], 1.0)
    assert used(ledger, charge()) == (4, 2)
    assert ledger.refund("a/2", holds([charge(6)]), [50], 1.0)
    assert used(ledger, charge()) == (0, 2)
    assert ledger.refund("c/1", holds([charge(6, key="nothing")]), [5], 1.0)
    assert used(ledger, charge(key="nothing")) == (0, 0)


def test_taking_takes_what_there_is(ledger: Any) -> None:
    assert ledger.take("a", charge(6), 1, 0.0, 50.0) == 6
    assert ledger.take("b", charge(6), 5, 0.0, END) == 0
    assert ledger.take("b", charge(6), 4, 0.0, END) == 4
    assert ledger.take("b", charge(1), 1, 0.0, END) == 4
    assert ledger.take("c", charge(6), 1, 0.0, END) == 0
    assert ledger.take("d", charge(6, None), 1, 0.0, 40.0) == 6
    assert ledger.take("c", charge(6), 1, 50.0, END) == 6
    assert ledger.settle("b", holds([charge(4)]), [1], 51.0)
    assert used(ledger, charge(), 51.0) == (1, 6)


def test_what_became_of_an_id_is_remembered(ledger: Any) -> None:
    week = float(REMEMBERED)
    long = charge(6, lasts=10 * REMEMBERED)
    ledger.reserve("a", [long], 0.0, 50.0)
    assert ledger.settle("a", holds([long]), [6], 0.0)
    assert not ledger.settle("a", holds([long]), [6], week - 1)
    assert used(ledger, long, week - 1) == (6, 0)


@pytest.mark.parametrize("amount", [-1, 2**53 + 1, 2**70, 1.5, True, "1", None])
def test_amounts_are_whole_numbers(ledger: Any, amount: Any) -> None:
    one = charge()
    for ask in [
        lambda: ledger.reserve("a", [one, charge(amount, key="x")], 0.0, END),
        lambda: ledger.take("a", charge(amount), 1, 0.0, END),
        lambda: ledger.settle("a", holds([one]), [amount], 0.0),
        lambda: ledger.refund("a", holds([one]), [amount], 0.0),
    ]:
        with pytest.raises(StateError):
            ask()
    assert used(ledger, one) == (0, 0)
    assert ledger.settle("a", holds([one]), [1], 0.0)


def test_counters_do_not_run_over(ledger: Any) -> None:
    most = 2**53
    assert ledger.reserve("a", [charge(most - 1, None)], 0.0, END) == {}
    with pytest.raises(StateError):
        ledger.reserve("b", [charge(most, None)], 0.0, END)
    assert used(ledger, charge()) == (0, most - 1)
    for id in "abc":
        assert ledger.settle(id, holds([charge(most)]), [most], 0.0)
    assert used(ledger, charge()) == (most, 0)
    assert ledger.reserve("d", [charge(1, most)], 0.0, END) != {}


def test_odd_names_are_names(ledger: Any) -> None:
    names = ["", "a b", "ä\0\n'\";--", "{x}", "k" * 5_000, "*", "a:b", "%"]
    for number, name in enumerate(names):
        assert ledger.reserve(f"{name}/{number}", [charge(number + 1, key=name)], 0.0, END) == {}
    assert [used(ledger, charge(key=name)) for name in names] == [(0, n + 1) for n in range(8)]


def test_parallel_requests_come_and_go(ledger: Any) -> None:
    one = charge(1, 3, "p")
    for number in range(40):
        assert ledger.reserve(f"r{number}", [one], float(number), number + 3.0) == {}
        if number % 2:
            assert ledger.settle(f"r{number}", holds([one]), [0], number + 0.5)
    assert used(ledger, one, 42.0) == (0, 0)


def test_events_are_kept_in_order_and_bounded(ledger: Any) -> None:
    assert list(ledger.events("s", 0.0)) == []
    for number in range(10):
        ledger.append("s", b"%d" % number, float(number), 4, 100.0)
    assert list(ledger.events("s", 10.0)) == [b"6", b"7", b"8", b"9"]
    ledger.append("s", b"\0\xff", 10.0, 3, 100.0)
    assert list(ledger.events("s", 10.0)) == [b"8", b"9", b"\0\xff"]
    assert list(ledger.events("t", 10.0)) == []


def test_events_are_over_after_a_time(ledger: Any) -> None:
    for number in range(3):
        ledger.append("s", b"%d" % number, float(number), 10, 5.0)
    assert list(ledger.events("s", 4.9)) == [b"0", b"1", b"2"]
    assert list(ledger.events("s", 6.0)) == [b"2"]
    assert list(ledger.events("s", 7.0)) == []
    ledger.append("s", b"3", 8.0, 10, 5.0)
    assert list(ledger.events("s", 8.0)) == [b"3"]


def test_threads_share_a_budget(ledger: Any) -> None:
    def work(worker: int) -> int:
        accepted = 0
        for number in range(25):
            id, one = f"{worker}/{number}", charge(2, 101)
            if not ledger.reserve(id, [one], 0.0, END):
                accepted += ledger.settle(id, holds([one]), [2], 0.0)
        return accepted

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(work, range(8))) == 50
    assert used(ledger, charge()) == (100, 0)


def test_an_id_is_settled_once_by_whoever_is_first(ledger: Any) -> None:
    ledger.reserve("a", [charge(6)], 0.0, END)
    with ThreadPoolExecutor(8) as threads:
        first = list(
            threads.map(lambda _: ledger.settle("a", holds([charge(6)]), [6], 0.0), range(24))
        )
    assert first.count(True) == 1
    assert used(ledger, charge()) == (6, 0)


def test_a_closed_ledger_opens_again(opens: Callable[..., Any]) -> None:
    ledger = opens()
    ledger.reserve("a", [charge(6)], 0.0, END)
    ledger.append("s", b"1", 0.0, 4, 100.0)
    ledger.close()
    assert used(ledger, charge()) == (0, 6)
    assert list(ledger.events("s", 0.0)) == [b"1"]
