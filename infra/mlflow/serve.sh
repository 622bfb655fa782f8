#!/bin/sh
# Starts the MLflow server with users and passwords, and artifacts through the server, so that trials need no bucket keys.
#
# The environment says where and with which secrets: MLFLOW_BACKEND_STORE_URI (Postgres), MLFLOW_ARTIFACTS_DESTINATION
# (a bucket), MLFLOW_SERVER_ALLOWED_HOSTS (Host headers that are accepted), MLFLOW_AUTH_ADMIN_PASSWORD and
# MLFLOW_FLASK_SERVER_SECRET_KEY. MLflow reads all of these itself, so none of them appears in a list of processes.
#
# Run by hand, without containers: the packages of the lock, Postgres 15 and SeaweedFS. Requests without a password
# or with an unknown Host header were refused, and a user without keys logged an artifact. Not run: as a container.
set -eu
umask 077

: "${MLFLOW_BACKEND_STORE_URI:?set it to the database of the runs}"
: "${MLFLOW_ARTIFACTS_DESTINATION:?set it to the bucket or folder of artifacts}"
: "${MLFLOW_SERVER_ALLOWED_HOSTS:?set it to HOST:PORT as browsers type it}"
: "${MLFLOW_AUTH_ADMIN_PASSWORD:?set it to a new password for admin}"
: "${MLFLOW_FLASK_SERVER_SECRET_KEY:?set it to a random word, openssl rand -hex 24}"

# Users are tables beside the runs. This URI has no variable of its own in MLflow, and it holds a password: hence a file.
MLFLOW_AUTH_CONFIG_PATH=$(mktemp)
cat > "$MLFLOW_AUTH_CONFIG_PATH" <<EOF
[mlflow]
default_permission = READ
database_uri = $(printf '%s' "$MLFLOW_BACKEND_STORE_URI" | sed 's/%/%%/g')
admin_username = admin
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
EOF
export MLFLOW_AUTH_CONFIG_PATH

# Its job runner would add ten processes and two gigabytes that nothing here uses.
export MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false MLFLOW_DISABLE_TELEMETRY=true

# The port is said here: Kubernetes sets MLFLOW_PORT to something else where a service is called mlflow.
exec mlflow server --app-name basic-auth --host 0.0.0.0 --port 5000 --workers 2
