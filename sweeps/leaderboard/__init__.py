"""The best of every network on one lake, beside the published numbers; submissions written, and checked by predictions.

MLflow rows -> `ranking` -> table and page (`board`); `submission` is the JSON of the public leaderboard, and `check`
scores what is claimed in one.
"""
