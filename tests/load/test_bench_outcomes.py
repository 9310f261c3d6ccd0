"""The outcomes' benchmark measures what it says and leaves nothing behind; its figures are for the benchmark's run."""

import asyncpg
import pytest

from tests.load.bench_outcomes import CASES, VARIANTS, bench_outcomes

pytestmark = pytest.mark.pg


async def test_every_case_and_variant_is_measured_in_a_database_that_goes_again(postgres_dsn: str) -> None:
    cases = await bench_outcomes(postgres_dsn, seconds_per_case=0.2)
    assert list(cases) == [f"{connections}x{campaigns}" for connections, campaigns in CASES]
    for case in cases.values():
        assert all(case[variant] > 0 for variant in ("no_trigger", "statement_trigger"))
        assert min(case["ratio"], case["row_trigger_ratio"]) >= 0
        assert set(case["deadlocks"]) == set(VARIANTS)
        assert case["deadlocks"]["no_trigger"] == case["deadlocks"]["statement_trigger"] == 0
    connection = await asyncpg.connect(postgres_dsn, timeout=10, command_timeout=10)
    try:
        assert await connection.fetchval("SELECT count(*) FROM pg_database WHERE datname ~ '^bench_outcomes'") == 0
    finally:
        await connection.close(timeout=10)
