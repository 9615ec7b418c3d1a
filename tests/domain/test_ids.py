import uuid

from hypothesis import given
from hypothesis import strategies as st

from app.domain.ids import uuid7

MOMENTS = st.integers(0, 2**48 - 1)
ENTROPY = st.integers(0, 2**74 - 1)


def test_the_example_of_the_standard_is_met() -> None:
    """RFC 9562, appendix A.6: rand_a 0xCC3, rand_b 0x18C4DC0C0C07398F (its 62 bits)."""
    entropy = (0xCC3 << 62) | 0x18C4DC0C0C07398F
    assert str(uuid7(1_645_557_742_000, entropy)) == "017f22e2-79b0-7cc3-98c4-dc0c0c07398f"


@given(MOMENTS, ENTROPY)
def test_every_id_is_of_version_7_and_of_the_standard_variant(unix_ms: int, entropy: int) -> None:
    made = uuid7(unix_ms, entropy)
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


@given(MOMENTS, ENTROPY)
def test_an_id_tells_the_moment_of_its_birth(unix_ms: int, entropy: int) -> None:
    assert uuid7(unix_ms, entropy).int >> 80 == unix_ms


@given(st.tuples(MOMENTS, ENTROPY), st.tuples(MOMENTS, ENTROPY))
def test_ids_sort_by_moment_and_then_by_entropy(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert (uuid7(*one) < uuid7(*other)) == (one < other)


def test_more_entropy_than_fits_does_not_touch_the_moment() -> None:
    made = uuid7(5, 2**200 - 1)
    assert (made.int >> 80, made.version, made.variant) == (5, 7, uuid.RFC_4122)
