"""From records to tables: scores, statistics, comparisons and the selection of the best."""
