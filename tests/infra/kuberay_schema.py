"""Fields of ray.io/v1 that the manifests may use.

No package carries KubeRay's own schemas, so these are written down from its field reference
(https://docs.ray.io/en/master/cluster/kubernetes/references/api.html, KubeRay 1.6): every field of an object that is
described here, types where the manifests use them. Pod templates are checked against Kubernetes' schemas instead.
"""

from typing import Any

ANY: dict[str, Any] = {}
COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
FLAG = {"type": "boolean"}


def closed(required: list[str], **properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "required": required, "properties": properties}


START_PARAMS = {"type": "object", "additionalProperties": TEXT}

HEAD = closed(
    ["template"],
    rayStartParams=START_PARAMS,
    template=ANY,
    headService=ANY,
    enableIngress=FLAG,
    serviceType=TEXT,
    labels=ANY,
    resources=ANY,
)
WORKERS = closed(
    ["groupName", "template"],
    groupName=TEXT,
    replicas=COUNT,
    minReplicas=COUNT,
    maxReplicas=COUNT,
    idleTimeoutSeconds=COUNT,
    numOfHosts=COUNT,
    rayStartParams=START_PARAMS,
    template=ANY,
    scaleStrategy=ANY,
    suspend=FLAG,
    labels=ANY,
    resources=ANY,
)
CLUSTER_SPEC = closed(
    ["headGroupSpec"],
    rayVersion=TEXT,
    enableInTreeAutoscaling=FLAG,
    autoscalerOptions=closed(
        [],
        version={"enum": ["v1", "v2"]},
        idleTimeoutSeconds=COUNT,
        upscalingMode={"enum": ["Default", "Aggressive", "Conservative"]},
        resources=ANY,
        image=TEXT,
        imagePullPolicy=TEXT,
        env=ANY,
        envFrom=ANY,
        volumeMounts=ANY,
        securityContext=ANY,
    ),
    authOptions=closed([], mode={"enum": ["disabled", "token"]}, secretName=TEXT, enableK8sTokenAuth=FLAG),
    headGroupSpec=HEAD,
    workerGroupSpecs={"type": "array", "items": WORKERS},
    gcsFaultToleranceOptions=ANY,
    headServiceAnnotations=ANY,
    managedBy=TEXT,
    suspend=FLAG,
    upgradeStrategy=ANY,
)
JOB_SPEC = closed(
    ["entrypoint"],
    entrypoint=TEXT,
    entrypointNumCpus=ANY,
    entrypointNumGpus=ANY,
    entrypointResources=TEXT,
    runtimeEnvYAML=TEXT,
    jobId=TEXT,
    metadata=ANY,
    rayClusterSpec=CLUSTER_SPEC,
    clusterSelector=ANY,
    submissionMode={"enum": ["K8sJobMode", "HTTPMode", "InteractiveMode", "SidecarMode"]},
    submitterPodTemplate=ANY,
    submitterConfig=ANY,
    backoffLimit=COUNT,
    activeDeadlineSeconds=COUNT,
    shutdownAfterJobFinishes=FLAG,
    ttlSecondsAfterFinished=COUNT,
    deletionStrategy=ANY,
    managedBy=TEXT,
    suspend=FLAG,
)
SCHEMAS = {"RayCluster": CLUSTER_SPEC, "RayJob": JOB_SPEC}
