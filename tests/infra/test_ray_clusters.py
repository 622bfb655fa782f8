"""`ray up` files: Ray's own checks, and each machine against the interface of its cloud."""

import json
from importlib.resources import files
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from ray.autoscaler._private.util import prepare_config, validate_config

from tests.infra.cluster_files import ROOT, documents, environment

CLOUDS = ["aws", "gcp"]


@pytest.fixture(params=CLOUDS)
def given(request: pytest.FixtureRequest) -> dict[str, Any]:
    (config,) = documents(f"ray/{request.param}.yaml")
    return config


@pytest.fixture
def prepared(given: dict[str, Any]) -> dict[str, Any]:
    """With Ray's defaults filled in, as `ray up` starts from it."""
    config = prepare_config(given)
    validate_config(config)
    return config


def test_ray_takes_it(prepared: dict[str, Any]) -> None:
    assert prepared["cluster_name"] == "icebench"


def test_nothing_is_installed_over_the_image(prepared: dict[str, Any]) -> None:
    """Ray's defaults would."""
    commands = [prepared[f"{who}setup_commands"] for who in ("", "head_", "worker_")]
    assert commands == [[], [], []]
    assert prepared["docker"]["image"] == environment()["ICEBENCH_IMAGE"]


def test_workers_go_to_zero_and_the_head_trains_nothing(prepared: dict[str, Any]) -> None:
    types = dict(prepared["available_node_types"])
    head = types.pop(prepared["head_node_type"])
    assert head["resources"]["CPU"] == 0
    assert any("--num-cpus=0" in command for command in prepared["head_start_ray_commands"])
    assert {name: kind["min_workers"] for name, kind in types.items()} == {"gpu": 0}
    assert types["gpu"]["resources"]["GPU"] == 1
    assert 0 < prepared["idle_timeout_minutes"] <= 15


def test_the_head_starts_in_the_project_and_listens_to_itself(prepared: dict[str, Any]) -> None:
    (start,) = [command for command in prepared["head_start_ray_commands"] if "ray start" in command]
    assert "cd /opt/icebench && ray start --head" in start
    assert "--dashboard-host=127.0.0.1" in start
    assert "--autoscaling-config=~/ray_bootstrap_config.yaml" in start


def test_flags_of_ray_start_exist(prepared: dict[str, Any]) -> None:
    from ray.scripts.scripts import start

    known = {option for parameter in start.params for option in parameter.opts}
    commands = prepared["head_start_ray_commands"] + prepared["worker_start_ray_commands"]
    used = {word.partition("=")[0] for command in commands for word in command.split() if word.startswith("--")}
    assert used <= known


def test_who_talks_to_the_cluster_needs_its_token(prepared: dict[str, Any]) -> None:
    assert "--env RAY_AUTH_MODE=token" in prepared["docker"]["run_options"]
    assert prepared["file_mounts"] == {
        "~/.ray/auth_token": "~/.ray/auth_token",
        "~/.mlflow/credentials": "~/.mlflow/credentials",
    }


def test_both_clouds_differ_in_nothing_but_machines() -> None:
    (aws,), (gcp,) = documents("ray/aws.yaml"), documents("ray/gcp.yaml")
    for key in ("max_workers", "idle_timeout_minutes", "file_mounts", "worker_start_ray_commands"):
        assert aws[key] == gcp[key]
    assert aws["head_start_ray_commands"] == gcp["head_start_ray_commands"]
    assert set(aws["docker"]["run_options"]) - set(gcp["docker"]["run_options"]) == {
        f"--env AWS_DEFAULT_REGION={environment()['AWS_DEFAULT_REGION']}"
    }


def test_machines_are_ones_that_ec2_would_start() -> None:
    shape = botocore.session.Session().get_service_model("ec2").operation_model("RunInstances").input_shape
    (config,) = documents("ray/aws.yaml")
    for name, kind in config["available_node_types"].items():
        report = ParamValidator().validate({**kind["node_config"], "MinCount": 1, "MaxCount": 1}, shape)
        assert not report.has_errors(), f"{name}: {report.generate_report()}"


def test_machines_of_aws_have_roles_and_workers_are_spot() -> None:
    types = documents("ray/aws.yaml")[0]["available_node_types"]
    profiles = {name: kind["node_config"]["IamInstanceProfile"]["Arn"] for name, kind in types.items()}
    account = environment()["AWS_ACCOUNT_ID"]
    assert profiles == {
        "head": f"arn:aws:iam::{account}:instance-profile/icebench-head",
        "gpu": f"arn:aws:iam::{account}:instance-profile/icebench-trials",
    }
    assert types["gpu"]["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert "InstanceMarketOptions" not in types["head"]["node_config"]


def test_the_head_of_aws_may_start_the_machines_of_its_file() -> None:
    types = documents("ray/aws.yaml")[0]["available_node_types"]
    policy = json.loads((ROOT / "infra/ray/aws-policy-head.json").read_text())
    (start,) = [each for each in policy["Statement"] if each["Sid"] == "StartMachinesOfThisClusterOnly"]
    assert start["Condition"]["StringEquals"]["ec2:InstanceType"] == [types["gpu"]["node_config"]["InstanceType"]]


def unknown_fields(value: object, schema: dict[str, Any], schemas: dict[str, Any], path: str) -> list[str]:
    """Paths in a value that Google's description of the interface does not have, or has with another type."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kind = schema.get("type")
    if kind == "array":
        if not isinstance(value, list):
            return [f"{path}: no list"]
        return [found for item in value for found in unknown_fields(item, schema["items"], schemas, path)]
    if kind == "object" and "properties" in schema:
        if not isinstance(value, dict):
            return [f"{path}: no mapping"]
        strange = [f"{path}.{key}" for key in value if key not in schema["properties"]]
        known = [(key, each) for key, each in value.items() if key in schema["properties"]]
        return strange + [
            found
            for key, each in known
            for found in unknown_fields(each, schema["properties"][key], schemas, f"{path}.{key}")
        ]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{path}: {value!r}"]
    python = {"boolean": bool, "integer": int, "string": (str, int)}.get(str(kind), object)  # int64 travels as a string
    return [] if isinstance(value, python) else [f"{path}: {value!r}"]


def google_schemas(interface: str) -> dict[str, Any]:
    documents = files("googleapiclient") / "discovery_cache" / "documents"
    return dict(json.loads((documents / f"{interface}.json").read_text())["schemas"])


def test_machines_are_ones_that_compute_engine_would_start() -> None:
    schemas = google_schemas("compute.v1")
    for name, kind in documents("ray/gcp.yaml")[0]["available_node_types"].items():
        assert unknown_fields(kind["node_config"], schemas["Instance"], schemas, name) == []
    assert unknown_fields({"scheduling": {"spot": True}}, schemas["Instance"], schemas, "x") == ["x.scheduling.spot"]


def test_machines_of_gcp_have_service_accounts_and_workers_are_spot() -> None:
    types = documents("ray/gcp.yaml")[0]["available_node_types"]
    emails = {name: kind["node_config"]["serviceAccounts"][0]["email"].split("@")[0] for name, kind in types.items()}
    assert emails == {"head": "icebench-head", "gpu": "icebench-trials"}
    assert types["gpu"]["node_config"]["scheduling"]["provisioningModel"] == "SPOT"
    assert "scheduling" not in types["head"]["node_config"]


def test_the_lifecycle_of_gcp_is_one_that_cloud_storage_knows() -> None:
    schemas = google_schemas("storage.v1")
    rules = json.loads((ROOT / "infra/bucket/gcp-lifecycle.json").read_text())
    assert unknown_fields(rules, schemas["Bucket"]["properties"]["lifecycle"], schemas, "lifecycle") == []
    assert {rule["action"]["type"] for rule in rules["rule"]} <= {
        "Delete",
        "SetStorageClass",
        "AbortIncompleteMultipartUpload",
    }
