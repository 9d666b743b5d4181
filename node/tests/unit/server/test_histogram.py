"""Claims about histograms."""

from raftkeeper.server.histogram import Histogram


def test_value_at_a_bound_counts_below_it() -> None:
    """Buckets are `at most`, as Prometheus has them."""
    histogram = Histogram((10, 20))
    for value in (10, 11, 20, 21):
        histogram.add(value)
    assert histogram.counts == [1, 2, 1]


def test_minimum_maximum_average_are_exact() -> None:
    """They come from the values, not from the buckets."""
    histogram = Histogram((10, 20))
    assert (histogram.average, histogram.quantile(0.5)) == (0.0, 0)
    for value in (7, 5, 12):
        histogram.add(value)
    assert (histogram.minimum, histogram.maximum, histogram.average) == (5, 12, 8.0)


def test_quantile_is_the_bucket_in_which_the_share_is_reached() -> None:
    """And never above the largest value seen."""
    histogram = Histogram((10, 20, 100))
    for value in [5] * 90 + [15] * 9 + [30]:
        histogram.add(value)
    assert [histogram.quantile(share) for share in (0.5, 0.95, 0.999)] == [10, 20, 30]
