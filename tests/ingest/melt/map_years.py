"""The years of the synthetic melt maps."""

YEARS = (2018, 2019)
