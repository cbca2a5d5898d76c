"""A process that a test forks and that comes back into pytest hurts neither its parent's run nor its parent's connections."""

from __future__ import annotations

import os

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session


def test_a_child_that_comes_back_leaves_the_run_alone(shop: pytest.Pytester) -> None:
    """By sys.exit, which pytest takes for a failure of the test, by an error, or as if it were its parent."""
    shop.makepyfile(
        """
    import os
    import sys
    import pytest
    from factories import UserFactory

    def fail():
        raise ValueError

    @pytest.mark.parametrize("leave, status", [(lambda: sys.exit(3), 3), (fail, 1), (lambda: None, 1)])
    def test_forks(seedbed_session, count, leave, status):
        UserFactory.create()
        child = os.fork()
        if child == 0:
            return leave()
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == status
        assert count(seedbed_session) == 3

    def test_after(seedbed_session, count):
        assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    result.assert_outcomes(passed=4)
    assert result.outlines[-1].startswith("4 passed")


def test_a_child_cannot_speak_on_its_parents_connection(
    seedbed_psycopg: psycopg.Connection, seedbed_session: Session
) -> None:
    """It would take the answers that its parent waits for."""
    child = os.fork()
    if child == 0:
        refused = 0
        for use in (lambda: seedbed_psycopg.execute("SELECT 1"), seedbed_session.connection):
            try:
                use()
            except (psycopg.OperationalError, OperationalError):
                refused += 1
        os._exit(refused)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2
    assert seedbed_session.scalar(text("SELECT 1")) == 1


def test_a_child_whose_parent_has_no_database_of_ours_may_go_through_pytests_end(
    shop: pytest.Pytester,
) -> None:
    """It ends no server: that is its parent's."""
    shop.makepyfile(
        """
    import os
    import sys
    import pytest

    def test_before(seedbed):
        pass

    def test_forks():
        child = os.fork()
        if child == 0:
            pytest.exit("the child's end")
        os.waitpid(child, 0)

    def test_after(seedbed_session, count):
        assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    assert "3 passed" in result.outlines[-1]


def test_a_child_that_goes_on_to_other_tests_is_refused_there(shop: pytest.Pytester) -> None:
    """They would run on its parent's connection, at the same time as its parent."""
    shop.makepyfile(
        """
    import os
    import sys

    def test_before(seedbed):
        pass

    def test_forks():
        child = os.fork()
        if child:
            os.waitpid(child, 0)

    def test_after(seedbed_session, count):
        assert count(seedbed_session) == 2
        """
    )
    result = shop.runpytest_subprocess("-q")
    assert "3 passed" in result.outlines[-1]
    told = [line for line in result.outlines if "has been forked by a test" in line]
    assert told
    assert "os._exit" in told[0]
