"""Every benchmark, in the order of a full run."""

from bench import (
    access,
    handover,
    harmless,
    lexer,
    lint,
    list10000,
    memory,
    nothing_to_do,
    overview,
    plan1000,
    plan10000,
    preserve,
    run500,
    snapshot,
    stall,
    submit,
)

BENCHMARKS = (
    run500.BENCHMARK,
    nothing_to_do.BENCHMARK,
    submit.BENCHMARK,
    access.BENCHMARK,
    handover.BENCHMARK,
    stall.BENCHMARK,
    list10000.BENCHMARK,
    overview.BENCHMARK,
    plan10000.BENCHMARK,
    plan1000.BENCHMARK,
    lexer.BENCHMARK,
    snapshot.BENCHMARK,
    preserve.BENCHMARK,
    harmless.BENCHMARK,
    lint.BENCHMARK,
    memory.BENCHMARK,
)
