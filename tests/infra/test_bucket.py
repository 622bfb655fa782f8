"""Policies: actions that AWS has, on what they can be given for, and no more than the folder's purpose needs."""

import json
import re
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from policy_sentry.querying.actions import get_action_data

from tests.infra.cluster_files import INFRA, environment, rendered

POLICIES = sorted(path.relative_to(INFRA).as_posix() for path in INFRA.rglob("aws-policy-*.json"))
BUCKET = f"arn:aws:s3:::{environment()['ICEBENCH_BUCKET']}"
WRITES = {"s3:PutObject", "s3:DeleteObject"}
UNLISTED = {("ec2:RunInstances", "spot-instances-request")}
"""Needed to start a spot machine, says EC2's user guide; AWS's reference of actions, behind these checks, lacks it."""


def statements(path: str) -> list[dict[str, Any]]:
    return list(json.loads(rendered(path))["Statement"])


def as_list(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value


def allowed(path: str) -> dict[str, set[str]]:
    """Actions by resource."""
    found: dict[str, set[str]] = {}
    for statement in statements(path):
        for resource in as_list(statement["Resource"]):
            found.setdefault(resource, set()).update(as_list(statement["Action"]))
    return found


def faults(statement: dict[str, Any]) -> list[str]:
    """What AWS would ignore or refuse: unknown actions, resources of another kind, conditions that it never asks."""
    found = []
    keys = {key for condition in statement.get("Condition", {}).values() for key in condition}
    for action in as_list(statement["Action"]):
        service, _, name = action.partition(":")
        rows = get_action_data(service, name).get(service, []) if name else []
        if not rows:
            found.append(f"{action}: no such action")
        for resource in as_list(statement["Resource"]) if rows else []:
            fitting = [row for row in rows if fits(resource, row["resource_arn_format"])]
            if not fitting and (action, resource.split(":")[-1].partition("/")[0]) not in UNLISTED:
                found.append(f"{action}: not for {resource}")
            known = {key.partition("/")[0] for row in rows for key in row["condition_keys"]}
            found += [f"{action}: never asks {key}" for key in keys if key.partition("/")[0] not in known]
    return found


def fits(resource: str, form: str) -> bool:
    """Whether a resource is of a kind, as in `arn:${Partition}:s3:::${BucketName}/${ObjectName}`; `*` is a kind too."""
    if "*" in (resource, form):
        return resource == form
    anything = {"${ObjectName}": "[^:]+"}  # the only name that may hold a slash
    pieces = re.split(r"(\$\{\w+\})", form)
    pattern = [anything.get(piece, "[^:/]*") if piece.startswith("${") else re.escape(piece) for piece in pieces]
    return re.fullmatch("".join(pattern), resource) is not None


@pytest.mark.parametrize("path", POLICIES)
def test_aws_has_these_actions_for_these_resources(path: str) -> None:
    assert [fault for statement in statements(path) for fault in faults(statement)] == []


def test_what_aws_does_not_have_would_be_found() -> None:
    assert faults({"Action": "s3:GetObjects", "Resource": f"{BUCKET}/*"}) == ["s3:GetObjects: no such action"]
    assert faults({"Action": "s3:ListBucket", "Resource": f"{BUCKET}/*"}) == [f"s3:ListBucket: not for {BUCKET}/*"]
    assert faults({"Action": "s3:GetObject", "Resource": BUCKET}) == [f"s3:GetObject: not for {BUCKET}"]
    assert faults({"Action": "s3:ListBucket", "Resource": BUCKET, "Condition": {"StringLike": {"s3:folder": "x"}}}) == [
        "s3:ListBucket: never asks s3:folder"
    ]


@pytest.mark.parametrize("path", POLICIES)
def test_stars_stand_nowhere_but_for_looking_at_machines(path: str) -> None:
    for statement in statements(path):
        assert statement["Effect"] == "Allow"
        actions = as_list(statement["Action"])
        assert not any("*" in action for action in actions)
        if "*" in as_list(statement["Resource"]):
            assert all(action.startswith("ec2:Describe") for action in actions)
    if path.startswith("bucket/"):
        assert all(resource == BUCKET or resource.startswith(f"{BUCKET}/") for resource in allowed(path))


def test_trials_cannot_change_a_lake() -> None:
    rights = allowed("bucket/aws-policy-trials.json")
    written = {resource for resource, actions in rights.items() if actions & WRITES}
    assert written == {f"{BUCKET}/lake/index/*", f"{BUCKET}/ray/*"}
    assert rights[f"{BUCKET}/lake/index/*"] == {"s3:PutObject"}
    assert rights[f"{BUCKET}/lake/*"] == {"s3:GetObject"}


def test_ingest_writes_the_lake_and_never_deletes_raw() -> None:
    rights = allowed("bucket/aws-policy-ingest.json")
    assert rights[f"{BUCKET}/lake/*"] >= WRITES | {"s3:GetObject"}
    assert "s3:DeleteObject" not in rights[f"{BUCKET}/raw/*"]
    assert rights.keys() == {BUCKET, f"{BUCKET}/lake/*", f"{BUCKET}/raw/*"}


def test_a_reader_reads_the_lake() -> None:
    assert allowed("bucket/aws-policy-reader.json") == {BUCKET: {"s3:ListBucket"}, f"{BUCKET}/lake/*": {"s3:GetObject"}}


def test_the_server_has_its_folder() -> None:
    rights = allowed("bucket/aws-policy-mlflow.json")
    assert rights.keys() == {BUCKET, f"{BUCKET}/mlflow/*"}
    assert rights[f"{BUCKET}/mlflow/*"] >= WRITES


@pytest.mark.parametrize("path", [path for path in POLICIES if path.startswith("bucket/")])
def test_lists_show_the_folders_that_may_be_read(path: str) -> None:
    (listing,) = [each for each in statements(path) if each["Action"] == "s3:ListBucket"]
    ((_, condition),) = listing["Condition"].items()
    folders = {prefix.partition("/")[0] for prefix in condition["s3:prefix"]}
    assert folders == {resource.removeprefix(f"{BUCKET}/").split("/")[0] for resource in allowed(path)} - {BUCKET}


def test_places_of_the_example_are_folders_of_the_bucket() -> None:
    values = environment()
    places = ["ICEBENCH_LAKE", "ICEBENCH_STORAGE", "MLFLOW_ARTIFACTS_DESTINATION"]
    assert [values[name] for name in places] == [
        f"s3://{values['ICEBENCH_BUCKET']}/{folder}" for folder in ("lake", "ray", "mlflow")
    ]


def test_s3_takes_the_lifecycle() -> None:
    model = botocore.session.Session().get_service_model("s3")
    shape = model.operation_model("PutBucketLifecycleConfiguration").input_shape
    rules = json.loads((INFRA / "bucket/aws-lifecycle.json").read_text())
    report = ParamValidator().validate({"Bucket": "b", "LifecycleConfiguration": rules}, shape)
    assert not report.has_errors(), report.generate_report()
    classes = model.shape_for("TransitionStorageClass").enum
    assert all(move["StorageClass"] in classes for rule in rules["Rules"] for move in rule.get("Transitions", []))


def test_nothing_of_the_lake_or_of_mlflow_expires() -> None:
    aws = json.loads((INFRA / "bucket/aws-lifecycle.json").read_text())["Rules"]
    assert {rule["Filter"]["Prefix"] for rule in aws if "Expiration" in rule} == {"ray/"}
    gcp = json.loads((INFRA / "bucket/gcp-lifecycle.json").read_text())["rule"]
    deleting = [rule["condition"] for rule in gcp if rule["action"]["type"] == "Delete"]
    assert [rule.get("matchesPrefix") for rule in deleting if "age" in rule] == [["ray/"]]
