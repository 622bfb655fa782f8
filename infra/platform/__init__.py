"""The whole platform on one machine: an S3 server, MLflow and a Ray head on loopback, kept running by supervisord.

up (`__main__`) -> `state` (ports, keys, addresses) -> `supervision` (supervisord) -> serve (`__main__`) -> `services`
"""
