"""Submissions in both forms of the public leaderboard."""

README = {
    "model_name": "Unet", "model_type": "UNet", "accuracy": 86.36, "f1_score": 84.78, "precision": 84.68,
    "recall": 86.36, "iou": 77.18, "github_link": "https://example.org",
}  # fmt: skip


SCRIPT = {
    "model_name": "Example_Model", "methodology": "Supervised", "model_type": "CNN", "data_used": "Labeled + Unlabeled",
    "accuracy": 0.95, "f1_score": 0.93, "precision": 0.94, "recall": 0.92, "inference_time": "0.02 sec",
}  # fmt: skip
