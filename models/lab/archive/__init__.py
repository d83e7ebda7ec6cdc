"""Recordings by the thousand, each judged as `affectd analyze` judges it, into one Parquet file: `affectd-lab score`."""
