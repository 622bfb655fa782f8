"""Reports: what finished trials say, in tables, figures and one page, on the parent run of their study.

rows of MLflow -> evidence -> cells, differences -> tables, figures -> page; a study of attributions likewise
"""
