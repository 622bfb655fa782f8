"""Statistics of one channel, as the lake keeps them for its training scenes."""

from pydantic import BaseModel, ConfigDict


class ChannelStatistics(BaseModel):
    """Statistics of one channel over all finite pixels of the training scenes.

    Attributes:
        count: Number of pixels.
        mean: In the channel's units.
        std: Population standard deviation over all pixels, so within and between scenes.
        scene_std: Standard deviation within a scene, averaged over the scenes that have the channel, each with the same
            weight; None in a lake whose catalog was published before it was kept.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    mean: float
    std: float
    scene_std: float | None = None
