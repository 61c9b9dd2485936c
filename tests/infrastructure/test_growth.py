"""What the benchmarks over time call growth."""

import pytest

from bench.growth import after_first_tenth, check_bounded, check_memory, first_to_last_tenth
from bench.row import Wrong

WARMING_UP = [50.0] * 10


def test_memory_that_rises_while_a_process_warms_up_has_not_grown() -> None:
    series = WARMING_UP + [100.0] * 90

    grown = after_first_tenth(series)

    assert grown.ratio == 1.0


def test_memory_that_leaks_more_than_a_tenth_is_refused() -> None:
    leaking = WARMING_UP + [100.0 + 0.15 * number for number in range(90)]

    with pytest.raises(Wrong, match="consume has grown from"):
        check_memory("consume", after_first_tenth(leaking))


def test_memory_that_rises_by_less_than_a_tenth_is_let_pass() -> None:
    rising = WARMING_UP + [100.0 + 0.05 * number for number in range(90)]

    check_memory("consume", after_first_tenth(rising))


def test_a_single_spike_is_no_growth() -> None:
    lags = [0.1] * 95 + [30.0] + [0.1] * 4

    check_bounded("lag", first_to_last_tenth(lags), slack=0.0)


def test_a_lag_that_grows_is_refused() -> None:
    lags = [0.1 + 0.05 * number for number in range(100)]

    with pytest.raises(Wrong, match="lag has grown from"):
        check_bounded("lag", first_to_last_tenth(lags), slack=1.0)


def test_a_lag_that_swings_within_its_slack_is_let_pass() -> None:
    lags = [0.1] * 50 + [0.9] * 50

    check_bounded("lag", first_to_last_tenth(lags), slack=1.0)


def test_a_few_samples_say_nothing() -> None:
    with pytest.raises(Wrong, match="too few"):
        first_to_last_tenth([1.0] * 5)
