"""`demo`."""


async def demo() -> None:
    """Demo."""
