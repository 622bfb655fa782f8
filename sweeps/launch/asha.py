"""`--scheduler asha`: stops trainings that are behind by their val scores (Li et al. 2020)."""

from ray.tune.schedulers import ASHAScheduler

from sweeps.launch.report_keys import EPOCH, SCORE


def asha(max_epochs: int) -> ASHAScheduler:
    """Asynchronous successive halving: the better third goes on after a tenth of the epochs, after three tenths, ..."""
    return ASHAScheduler(
        time_attr=EPOCH,
        metric=SCORE,
        mode="max",
        max_t=max_epochs,
        grace_period=max(1, max_epochs // 10),
        reduction_factor=3,
        stop_last_trials=False,  # after the last epoch a trial still has to be scored
    )
