"""The same tables for a terminal and for docs/benchmarks.md."""

from collections.abc import Mapping, Sequence

from bench.figures import Benchmark, Row, Samples, Section

HEADS = ("", "median", "min..max", "p95", "ratio", "target", "")

_PREFACE = """# Benchmarks

Written by `make bench`: everything below was measured side by side in one run, contenders in turn, each
beside the least that the same work can take. Read the ratios rather than the times: they carry over from
one machine to another, and a noisy neighbour slows both sides. Where the load below shows other work beside
it, expect the times to be noise by a half, the ratios by a fifth. All databases are durable (`fsync` on).
"""


def as_text(benchmark: Benchmark, section: Section) -> str:
    cells = [HEADS, *(_cells(row) for row in section.rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEADS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join((f"\n{benchmark.name}: {benchmark.title}", *lines))


def as_markdown(facts: Mapping[str, str], measured: Sequence[tuple[Benchmark, Section]]) -> str:
    listed = "\n".join(f"- {name}: {value}" for name, value in facts.items())
    sections = "\n".join(_markdown_section(benchmark, section) for benchmark, section in measured)
    return f"{_PREFACE}\n{listed}\n\n{sections}"


def _markdown_section(benchmark: Benchmark, section: Section) -> str:
    lines = [
        f"## {benchmark.title} (`{benchmark.name}`)",
        "",
        *_table(HEADS, [_cells(row) for row in section.rows]),
        "",
        *(f"{note}\n" for note in section.notes),
    ]
    return "\n".join(lines)


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    rule = ["---", *("---:" for _ in heads[1:5]), "---", "---"]
    return [_line(heads), _line(rule), *(_line(row) for row in rows)]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(row: Row) -> tuple[str, ...]:
    targets = "; ".join(f"{target.text}: {'met' if target.met else 'missed'}" for target in row.targets)
    return (row.contender, *_figures(row.samples), row.ratio, targets, row.note)


def _figures(samples: Samples | None) -> tuple[str, str, str]:
    """Spread and p95 only where there are enough values for them."""
    if samples is None:
        return "", "", ""
    spread = f"{_number(samples.least)}..{_number(samples.most)}" if len(samples.values) > 1 else ""
    p95 = _number(samples.p95) if len(samples.values) >= 20 else ""
    return f"{_number(samples.median)} {samples.unit}", spread, p95


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
