"""One trial of several processes in a worker of Ray: Ray Train places them and sets up `torch.distributed`."""

from pathlib import Path
from typing import Any

import ray.train
from ray.train import RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer
from ray.tune.integration.ray_train import TuneReportCallback

from sweeps.launch.order import Order
from sweeps.launch.worker import run_order
from training.tracking.login import Login


def run_order_together(order: Order, folder: Path, login: Login) -> None:
    """Runs the trial in as many processes as its order says, on hosts that may have no login at MLflow."""

    def process(config: dict[str, Any]) -> None:
        login.use()
        run_order(Order.of_config(config), Path(config["folder"]), ray.train.report)

    TorchTrainer(
        process,
        train_loop_config={**order.config(), "folder": str(folder)},
        scaling_config=ScalingConfig(
            num_workers=order.processes,
            use_gpu=order.resources.get("GPU", 0) > 0,
            resources_per_worker=order.resources,
        ),
        run_config=RunConfig(
            name="processes",
            storage_path=str(folder.parent),
            callbacks=[TuneReportCallback()],  # type: ignore[list-item] # the hints are those of the older RunConfig
        ),
    ).fit()
