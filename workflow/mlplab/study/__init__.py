"""What a study is: its grid, its settings, its random streams, and the records of its runs."""
