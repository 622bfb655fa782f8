"""What can go wrong between a GPU and its host."""

from typing import Final

from tests.mutants.killers import TRAINING
from tests.mutants.mutant import Mutant

PRETENDED: Final = f"{TRAINING}/test_on_a_pretended_gpu.py"
STEP: Final = f"{PRETENDED}::test_a_step_mixes_no_devices_and_never_waits"
WHOLE: Final = f"{PRETENDED}::test_a_whole_trial_runs_and_agrees_with_a_cpu"

DEVICES: Final = (
    Mutant(
        "weights of classes stay on the host",
        "training/loop/losses.py",
        "weights = sent(self._class_weights[head.chart.name], own.device)\n",
        "weights = self._class_weights[head.chart.name]\n",
        STEP,
    ),
    Mutant(
        "every step waits until its weights of classes have arrived",
        "training/loop/losses.py",
        "sent(self._class_weights[head.chart.name], own.device)",
        "self._class_weights[head.chart.name].to(own.device)",
        STEP,
    ),
    Mutant(
        "every step waits for its loss",
        "training/loop/steps.py",
        'told.to("cpu", non_blocking=True)',
        "told.cpu()",
        STEP,
    ),
    Mutant(
        "batches travel from memory that is not page-locked",
        "training/data/training_batches.py",
        'pinned=data.inputs.device.type == "cuda"',
        "pinned=False",
        STEP,
    ),
    Mutant(
        "partners of CutMix stay on the host",
        "training/data/augment.py",
        "partner_B = sent(draws.partner_B, x_BCHW.device)",
        "partner_B = draws.partner_B",
        STEP,
    ),
    Mutant(
        "places of pixels are counted on the host",
        "training/data/augment.py",
        "sample_W = torch.arange(samples, device=x_BCHW.device)",
        "sample_W = torch.arange(samples)",
        STEP,
    ),
    Mutant(
        "weights of coarse cells are made on the host",
        "datasets/loading/assemble.py",
        "pixels = torch.arange(length, device=self._device) * self._step",
        "pixels = torch.arange(length) * self._step",
        STEP,
    ),
    Mutant(
        "lines of resident patches are looked up on the host",
        "datasets/loading/gather.py",
        "torch.from_numpy(lines_NH * shapes[:, 1:]).to(to)",
        "torch.from_numpy(lines_NH * shapes[:, 1:])",
        STEP,
    ),
    Mutant(
        "labels of val scenes stay on the host",
        "datasets/loading/scene_inputs.py",
        "torch.from_numpy(self._reader.labels(self._scene_id, lines, samples)).to(self._device)",
        "torch.from_numpy(self._reader.labels(self._scene_id, lines, samples))",
        WHOLE,
    ),
    Mutant(
        "a trial that was given no GPU takes one",
        "training/checked_trial.py",
        'best_device("auto" if gpu_share else "cpu")',
        "best_device()",
        WHOLE,
    ),
    Mutant(
        "memory that an earlier trial has left to torch counts as taken",
        "training/loop/device_memory.py",
        "    torch.cuda.empty_cache()\n",
        "",
        f"{TRAINING}/loop/test_device_memory.py",
    ),
)
