"""`affectd collect`: a fleet's messages, from a broker into Parquet files by day and node."""
