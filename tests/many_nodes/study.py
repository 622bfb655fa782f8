"""The study of `test_study.py` as its job runs it, beside `small_study.py`: eight trials of seconds."""

from small_study import SPEC, small_study  # type: ignore[import-not-found]

TRIALS = 8
EPOCHS = 6
LONG = SPEC.with_all({"loop.max_epochs": EPOCHS, "loop.batches_per_epoch": 8, "loop.patience": EPOCHS})

if __name__ == "__main__":
    from sweeps.launch.command import main

    main(small_study(TRIALS, base=LONG))
