"""Windows along an axis, one by one."""


def starts_by_loop(length: int, size: int, stride: int) -> list[int]:
    return sorted(
        {start for start in range(length) if start + size <= length and not start % stride}
        | ({length - size} if length >= size else set())
    )
