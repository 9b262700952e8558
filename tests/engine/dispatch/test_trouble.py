"""A channel's unclear answers: pauses, suspension, probation, recovery."""

from __future__ import annotations

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.trouble import LONGEST, PROBATION, SUSPENDS_AT, Trouble


def suspended(trouble: Trouble) -> int:
    """How many unclear answers in a row suspend it from now."""
    answers = 1
    while not trouble.unclear(0):
        answers += 1
    return answers


def test_one_is_an_accident_two_slow_down_and_five_suspend() -> None:
    trouble = Trouble()
    assert not trouble.unclear(0)
    assert trouble.at_most(50) == 50
    assert not trouble.unclear(0)
    assert (trouble.at_most(50), trouble.pause_until) == (1, SECOND)
    assert suspended(trouble) == 3
    assert trouble.at_most(50) == 0
    assert not trouble.unclear(0)  # it is suspended once
    assert trouble.score == SUSPENDS_AT


def test_answers_of_the_same_moment_do_not_lengthen_the_pause() -> None:
    trouble = Trouble()
    for _ in range(4):
        trouble.unclear(0)
    assert trouble.pause_until == SECOND
    trouble.unclear(SECOND)
    assert trouble.pause_until == 5 * SECOND


def test_a_clear_answer_makes_up_for_half_of_an_unclear_one() -> None:
    flaky, mostly_well = Trouble(), Trouble()
    for _ in range(20):
        flaky.unclear(0)
        flaky.answered()
        mostly_well.unclear(0)
        mostly_well.answered()
        mostly_well.answered()
    assert flaky.is_suspended
    assert not mostly_well.is_suspended


def test_on_probation_one_unclear_answer_suspends_again_and_for_longer() -> None:
    trouble, rests = Trouble(), []
    suspended(trouble)
    for _ in range(8):
        rests.append(trouble.rest)
        trouble.resume()
        assert trouble.at_most(50) == 1
        assert suspended(trouble) == 1
    assert rests[:4] == [0, PROBATION, 2 * PROBATION, 4 * PROBATION]
    assert rests[-1] == LONGEST


def test_clear_answers_end_the_probation_and_give_back_the_concurrency() -> None:
    trouble = Trouble()
    suspended(trouble)
    trouble.resume()
    allowed = []
    for _ in range(SUSPENDS_AT):
        trouble.answered()
        allowed.append(trouble.at_most(50))
    assert allowed == [2, 4, 8, 16, 32, 50, 50, 50, 50, 50]
    assert (trouble.score, trouble.suspensions) == (0, 0)
    assert suspended(trouble) == 5
    assert trouble.rest == 0
