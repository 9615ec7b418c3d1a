"""Every benchmark, in the order of a full run."""

from bench import (
    handover,
    lexer,
    lint,
    list10000,
    memory,
    nothing_to_do,
    overview,
    plan1000,
    plan10000,
    run500,
    snapshot,
    stall,
    submit,
)

BENCHMARKS = (
    run500.BENCHMARK,
    nothing_to_do.BENCHMARK,
    submit.BENCHMARK,
    handover.BENCHMARK,
    stall.BENCHMARK,
    list10000.BENCHMARK,
    overview.BENCHMARK,
    plan10000.BENCHMARK,
    plan1000.BENCHMARK,
    lexer.BENCHMARK,
    snapshot.BENCHMARK,
    lint.BENCHMARK,
    memory.BENCHMARK,
)
