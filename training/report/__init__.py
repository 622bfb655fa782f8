"""Reports: what finished trials say, in tables, figures and one page; pure but for `results`, which asks MLflow.

rows -> evidence -> cells, differences -> tables, figures -> page
"""
