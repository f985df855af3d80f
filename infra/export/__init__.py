"""The log and the views as Parquet files, for people who ask with DuckDB, pandas or R and not with Kafka."""
