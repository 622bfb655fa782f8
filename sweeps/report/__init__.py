"""Reports: what the trials of a study say, from MLflow rows alone.

rows -> evidence -> cells, differences -> tables, figures -> page; only `write` and `command` touch MLflow and disk.
"""
