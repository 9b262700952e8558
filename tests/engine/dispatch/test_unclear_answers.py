"""A channel's unclear answers: pauses, suspension, probation, recovery."""

from __future__ import annotations

from fluentsd.domain.time.durations import SECOND
from fluentsd.engine.dispatch.unclear_answers import LONGEST, PROBATION, SUSPENDS_AT, UnclearAnswers


def suspended(answers: UnclearAnswers) -> int:
    """How many unclear answers in a row suspend it from now."""
    needed = 1
    while not answers.count(0):
        needed += 1
    return needed


def test_one_is_an_accident_two_slow_down_and_five_suspend() -> None:
    answers = UnclearAnswers()
    assert not answers.count(0)
    assert answers.at_most(50) == 50
    assert not answers.count(0)
    assert (answers.at_most(50), answers.pause_until) == (1, SECOND)
    assert suspended(answers) == 3
    assert answers.at_most(50) == 0
    assert not answers.count(0)  # it is suspended once
    assert answers.score == SUSPENDS_AT


def test_answers_of_the_same_moment_do_not_lengthen_the_pause() -> None:
    answers = UnclearAnswers()
    for _ in range(4):
        answers.count(0)
    assert answers.pause_until == SECOND
    answers.count(SECOND)
    assert answers.pause_until == 5 * SECOND


def test_a_clear_answer_makes_up_for_half_of_an_unclear_one() -> None:
    flaky, mostly_well = UnclearAnswers(), UnclearAnswers()
    for _ in range(20):
        flaky.count(0)
        flaky.answered()
        mostly_well.count(0)
        mostly_well.answered()
        mostly_well.answered()
    assert flaky.is_suspended
    assert not mostly_well.is_suspended


def test_on_probation_one_unclear_answer_suspends_again_and_for_longer() -> None:
    answers, rests = UnclearAnswers(), []
    suspended(answers)
    for _ in range(8):
        rests.append(answers.rest)
        answers.resume()
        assert answers.at_most(50) == 1
        assert suspended(answers) == 1
    assert rests[:4] == [0, PROBATION, 2 * PROBATION, 4 * PROBATION]
    assert rests[-1] == LONGEST


def test_clear_answers_end_the_probation_and_give_back_the_concurrency() -> None:
    answers = UnclearAnswers()
    suspended(answers)
    answers.resume()
    allowed = []
    for _ in range(SUSPENDS_AT):
        answers.answered()
        allowed.append(answers.at_most(50))
    assert allowed == [2, 4, 8, 16, 32, 50, 50, 50, 50, 50]
    assert (answers.score, answers.suspensions) == (0, 0)
    assert suspended(answers) == 5
    assert answers.rest == 0
