"""Statistics of one channel, as the lake keeps them for its training scenes."""

from pydantic import BaseModel, ConfigDict


class ChannelStatistics(BaseModel):
    """Statistics of one channel over all finite pixels of the training scenes.

    Attributes:
        count: Number of pixels.
        mean: In the channel's units.
        std: Population standard deviation over all pixels, so within and between scenes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    count: int
    mean: float
    std: float
