"""Manifests against the schemas of Kubernetes, strictly, and their names against each other."""

import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import kubernetes_validate
import pytest

from tests.infra.cluster_files import IMAGE_LOCK, INFRA, documents, environment, locked
from tests.infra.kuberay_schema import SCHEMAS

KUBERNETES = "1.34"
MANIFESTS = ["mlflow/kubernetes.yaml", "kuberay/raycluster.yaml", "kuberay/rayjob.yaml"]


def everything() -> list[tuple[str, dict[str, Any]]]:
    return [(f"{path}: {each['kind']}", each) for path in MANIFESTS for each in documents(path)]


def ray_cluster() -> dict[str, Any]:
    return dict(documents("kuberay/raycluster.yaml")[-1]["spec"])


def ray_job() -> dict[str, Any]:
    return dict(documents("kuberay/rayjob.yaml")[-1]["spec"])


def pod_templates(value: object) -> Iterator[dict[str, Any]]:
    """Every pod template below a value."""
    if isinstance(value, dict):
        if "template" in value:
            yield value["template"]
        for each in value.values():
            yield from pod_templates(each)
    elif isinstance(value, list):
        for each in value:
            yield from pod_templates(each)


def pods() -> list[dict[str, Any]]:
    return [template["spec"] for _, each in everything() for template in pod_templates(each)]


@pytest.mark.parametrize(("name", "manifest"), everything(), ids=[name for name, _ in everything()])
def test_the_schema_of_its_kind_takes_it(name: str, manifest: dict[str, Any]) -> None:
    assert manifest["kind"] == "Namespace" or manifest["metadata"]["namespace"] == "icebench"
    if manifest["apiVersion"] == "ray.io/v1":
        jsonschema.validate(manifest["spec"], SCHEMAS[manifest["kind"]])
        assert manifest.keys() == {"apiVersion", "kind", "metadata", "spec"}
        for template in pod_templates(manifest["spec"]):
            pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
            kubernetes_validate.validate(pod, KUBERNETES, strict=True)
    else:
        kubernetes_validate.validate(manifest, KUBERNETES, strict=True)


def test_a_wrong_field_of_a_pod_would_be_found() -> None:
    template = next(pod_templates(ray_cluster()))
    template["spec"]["serviceAcountName"] = "x"
    pod = {"apiVersion": "v1", "kind": "PodTemplate", "metadata": {"name": "x"}, "template": template}
    with pytest.raises(kubernetes_validate.ValidationError, match="serviceAcountName"):
        kubernetes_validate.validate(pod, KUBERNETES, strict=True)


def test_every_container_has_requests_and_limits_and_no_rights_of_root() -> None:
    assert len(pods()) == 6
    for pod in pods():
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["enableServiceLinks"] is False  # a service called mlflow would set MLFLOW_PORT
        for container in pod["containers"]:
            assert {"cpu", "memory"} <= container["resources"]["requests"].keys()
            assert {"cpu", "memory"} <= container["resources"]["limits"].keys()
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "capabilities": {"drop": ["ALL"]},
            }
            mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
            assert mounted <= {volume["name"] for volume in pod.get("volumes", [])} | {"data"}


def test_ray_is_the_one_of_the_lock() -> None:
    assert ray_cluster()["rayVersion"] == locked(IMAGE_LOCK)["ray"]


def test_a_job_has_the_cluster_of_the_other_file_with_a_worker_from_the_start() -> None:
    cluster, job = ray_cluster(), ray_job()
    assert cluster["workerGroupSpecs"][0].pop("replicas") == 0
    assert job["rayClusterSpec"]["workerGroupSpecs"][0].pop("replicas") == 1
    assert job["rayClusterSpec"] == cluster
    assert job["shutdownAfterJobFinishes"] is True
    assert (INFRA.parent / job["entrypoint"]).exists()


def test_workers_are_spot_have_a_gpu_and_go_to_zero() -> None:
    (workers,) = ray_cluster()["workerGroupSpecs"]
    pod = workers["template"]["spec"]
    assert ray_cluster()["enableInTreeAutoscaling"] is True
    assert workers["minReplicas"] == 0
    assert pod["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert {each["key"] for each in pod["tolerations"]} == {"nvidia.com/gpu", "cloud.google.com/gke-spot"}
    wanted = labels(pod, "In")
    avoided = labels(ray_cluster()["headGroupSpec"]["template"]["spec"], "NotIn")
    assert wanted == avoided
    assert len(wanted) == 3


def labels(pod: dict[str, Any], operator: str) -> dict[str, list[str]]:
    terms = pod["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"]
    found = [each for term in terms for each in term["matchExpressions"]]
    assert {each["operator"] for each in found} == {operator}
    return {each["key"]: each["values"] for each in found}


def test_the_head_trains_nothing_and_stands_in_the_project() -> None:
    head = ray_cluster()["headGroupSpec"]
    assert head["rayStartParams"]["num-cpus"] == "0"
    for pod in pod_templates(ray_cluster()):
        (container,) = pod["spec"]["containers"]
        assert container["workingDir"] == "/opt/icebench"
        assert container["image"] == environment()["ICEBENCH_IMAGE"]


def test_service_accounts_are_made_here_and_only_the_head_may_start_pods() -> None:
    made = {each["metadata"]["name"] for _, each in everything() if each["kind"] == "ServiceAccount"}
    used = {pod["serviceAccountName"] for pod in pods() if "serviceAccountName" in pod}
    assert used == made == {"icebench-head", "icebench-trials", "icebench-mlflow"}
    head, workers = list(pod_templates(ray_cluster()))
    assert head["spec"]["serviceAccountName"] != workers["spec"]["serviceAccountName"]
    for _, each in everything():
        if each["kind"] == "ServiceAccount":
            assert {"eks.amazonaws.com/role-arn", "iam.gke.io/gcp-service-account"} == set(
                each["metadata"]["annotations"]
            )


def test_services_lead_to_pods_and_names_to_services() -> None:
    manifests = [each for _, each in everything()]
    services = {each["metadata"]["name"]: each for each in manifests if each["kind"] == "Service"}
    for service in services.values():
        assert any(
            service["spec"]["selector"].items() <= template["metadata"].get("labels", {}).items()
            for each in manifests
            for template in pod_templates(each)
            if "metadata" in template
        )
    hosts = set(re.findall(r"(?://|@)(\w+)(?:\.icebench\.svc)?:\d+", str(manifests))) & {"mlflow", "postgres"}
    assert hosts == services.keys() == {"mlflow", "postgres"}


def test_the_server_lets_in_the_host_name_that_trials_use() -> None:
    environment_of = {
        variable["name"]: variable.get("value")
        for pod in pods()
        for container in pod["containers"]
        for variable in container["env"]
    }
    host = environment_of["MLFLOW_TRACKING_URI"].removeprefix("http://")
    assert host in environment_of["MLFLOW_SERVER_ALLOWED_HOSTS"].split(",")


def test_secrets_that_are_named_are_those_that_operations_makes() -> None:
    named = {
        (reference["name"], reference["key"])
        for pod in pods()
        for container in pod["containers"]
        for variable in container["env"]
        if (reference := variable.get("valueFrom", {}).get("secretKeyRef"))
    } | {(ray_cluster()["authOptions"]["secretName"], "auth_token")}
    page = (INFRA.parent / "docs" / "operations.md").read_text()
    made = {
        (name, key)
        for name, rest in re.findall(r"create secret generic ([\w-]+)((?:.*\\\n)+.*)", page)
        for key in re.findall(r"--from-(?:literal|file)=([\w-]+)=", rest)
    }
    assert made == named
