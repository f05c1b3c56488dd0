"""A whole bucket inspected on many machines, with Ray Data: begun once, gone on with where it stopped, written as Parquet."""
