"""What a month of the nation costs, computed from prices and quantities that each stand here by name.

Rules: prices are assumed, round numbers that show the arithmetic and nobody's offer; whoever plans puts in their own
and runs `python docs/costs.py` again. Quantities are those of docs/scale.md: measured, planned for, or decided.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

# Prices: đồng a month. Of machines that are bought: (price / years of use + power and room of a year) / 12.
CORE = 150_000
MEMORY_GB = 40_000
FAST_DISK_GB = 4_000
OBJECT_GB = 500
TRAFFIC_MBIT_S = 20_000  # Of the peak, as lines are sold.
PERSON = 40_000_000

# The work of a year: what was planned for.
CONSULTATIONS = 20_000_000
EVENTS = 800_000_000
EXAMINATIONS = 6_000_000
IMAGES_EACH, IMAGE_GB = 5, 0.0005
ROOMS_AT_ONCE, STREAMS_EACH, STREAM_MBIT_S = 700, 4, 2

# Bytes that an event takes, as measured: the log and the views with their indexes, and one copy in Kafka.
LOG, VIEWS, KAFKA = 950, 1_000, 1_160

# What is decided: copies, how full a disk may get, how long the write-ahead log is kept, who is there day and night.
DATABASES, DATABASE_CORES, DATABASE_MEMORY, DATABASE_DISK_GB = 3, 16, 128, 4_000
BROKERS, BROKER_CORES, BROKER_MEMORY, BROKER_DISK_GB = 5, 4, 16, 500
API, API_CORES, API_MEMORY = 24, 0.5, 1
OTHERS, OTHER_CORES, OTHER_MEMORY = 13, 0.5, 2
REPORTS_MEMORY = 64  # Of the one that computes reports, which remembers the cases of a year.
MEDIA, MEDIA_CORES, MEDIA_MEMORY = 12, 1, 2
FULL = 0.7
BACKUPS, WAL_GB_A_MONTH, WAL_MONTHS = 2, 400, 2
PEOPLE = 6

YEARS = (1, 3, 5)


def cores() -> float:
    return (
        DATABASES * DATABASE_CORES
        + BROKERS * BROKER_CORES
        + API * API_CORES
        + OTHERS * OTHER_CORES
        + MEDIA * MEDIA_CORES
    )


def memory_gb() -> float:
    return (
        DATABASES * DATABASE_MEMORY
        + BROKERS * BROKER_MEMORY
        + API * API_MEMORY
        + (OTHERS - 1) * OTHER_MEMORY
        + REPORTS_MEMORY
        + MEDIA * MEDIA_MEMORY
    )


def database_gb(years: float) -> float:
    return years * EVENTS * (LOG + VIEWS) / 1e9


def fast_disk_gb(years: float) -> float:
    return DATABASES * max(DATABASE_DISK_GB, database_gb(years) / FULL) + BROKERS * BROKER_DISK_GB


def object_gb(years: float) -> float:
    pictures = years * EXAMINATIONS * IMAGES_EACH * IMAGE_GB
    older_messages = years * EVENTS * KAFKA / 1e9
    return pictures + older_messages + BACKUPS * database_gb(years) + WAL_MONTHS * WAL_GB_A_MONTH


def month(years: float) -> Mapping[str, float]:
    """What a month costs after so many years of use, in đồng."""
    return {
        "cores": cores() * CORE,
        "memory": memory_gb() * MEMORY_GB,
        "fast disks": fast_disk_gb(years) * FAST_DISK_GB,
        "object store": object_gb(years) * OBJECT_GB,
        "traffic": ROOMS_AT_ONCE * STREAMS_EACH * STREAM_MBIT_S * TRAFFIC_MBIT_S,
        "people": PEOPLE * PERSON,
    }


def lines() -> Iterator[str]:
    """The table of docs/scale.md."""
    months = [month(years) for years in YEARS]
    yield _line("million đồng a month", [f"year {years}" for years in YEARS])
    for name in months[0]:
        yield _line(name, [f"{one[name] / 1e6:,.1f}" for one in months])
    yield _line("together", [f"{sum(one.values()) / 1e6:,.1f}" for one in months])
    yield _line("đồng a consultation", [f"{12 * sum(one.values()) / CONSULTATIONS:,.0f}" for one in months])


def _line(name: str, values: list[str]) -> str:
    return f"{name:<22}" + "".join(f"{value:>9}" for value in values)


if __name__ == "__main__":
    print(*lines(), sep="\n")
