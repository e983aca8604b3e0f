"""Every GET costs the same number of queries with one row and with fifty.

A failure prints the statements of both requests.
"""

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.wire.crowd import fill
from tests.wire.stage import Stage
from tests.wire.table import TABLE, Line
from tests.wire.test_permissions_table import ROUTES, send

pytestmark = pytest.mark.django_db

READS = [line for line in TABLE if line.method == "GET"]
AT_MOST = 8
"""What no read of one object may exceed, authentication and access decision included."""


def statements(client: Any, line: Line, stage: Stage, role: str) -> list[str]:
    """Return the SQL of one request that succeeds."""
    person = stage.people[role]
    ids = {**stage.ids, **(line.given(stage, person) if line.given else {})}
    with CaptureQueriesContext(connection) as captured:
        response = send(client, line, ids, person)
    assert response.status_code == line.success, response.content.decode()
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("role", ["organization:owner", "team:admin"])
def test_every_read_costs_the_same_with_one_row_and_with_fifty(
    role: str, acme: Stage, client: Any
) -> None:
    lines = [line for line in READS if role == "organization:owner" or _reaches(line)]
    for line in lines:
        statements(client, line, acme, role)  # what is read once per process
    before = {line: statements(client, line, acme, role) for line in lines}
    fill(acme)
    told = []
    for line in lines:
        after = statements(client, line, acme, role)
        if len(after) != len(before[line]):
            told.append(
                f"{line}: {len(before[line])} queries with one row, {len(after)} with fifty\n"
                + "\n".join(["--- one", *before[line], "--- fifty", *after])
            )
    assert not told, "\n\n".join(told)


def test_no_read_of_one_object_costs_more_than_a_few_queries(acme: Stage, client: Any) -> None:
    costs = {
        str(line): len(statements(client, line, acme, "organization:owner"))
        for line in READS
        if not ROUTES[line.route][2].is_list
    }
    assert {name: cost for name, cost in costs.items() if cost > AT_MOST} == {}


def test_lists_count_nothing_and_skip_nothing(acme: Stage, client: Any) -> None:
    fill(acme)
    for line in READS:
        view = ROUTES[line.route][2]
        if view.is_list and view.is_paged:
            told = " ".join(statements(client, line, acme, "organization:owner"))
            assert "OFFSET" not in told, line
            assert "COUNT(" not in told, line


def _reaches(line: Line) -> bool:
    """Whether a team's admin gets an answer from the line."""
    from tests.wire.test_permissions_table import expected

    return line.permission is None or expected(line, "team:admin") == line.success
