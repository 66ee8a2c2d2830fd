"""Which classes appear among samples: the table."""

from gansmith.examinations.classes import ROWS, tables


def test_a_table_has_the_most_frequent_classes():
    """A file from anywhere may name millions."""
    shares = {str(i): (i % 500) / 500 for i in range(5000)}
    numbers = {"classes": {"shares": shares, "real_shares": {"7": 1.0}, "judge_accuracy": 0.9}}
    [table] = tables(numbers)
    assert len(table.rows) == ROWS and {row[0] for row in table.rows} >= {"7", "499", "4999"}
