from pydantic import BaseModel, ConfigDict


class StudyDesign(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    question: str
    objective: str
    axes: dict[str, tuple[str, ...]]
    seeds: tuple[int, ...]
    trials: int
    bins: tuple[str, ...] = ()
    matrix: str | None = None
