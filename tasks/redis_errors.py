"""Errors of the results, in Redis or elsewhere: which of them pass."""

from redis import exceptions as of_redis

from tasks.results import NOT_SENT, Errors

# What Redis answers of its own state, which passes. Whatever else it answers, it refuses a message's own ids.
OF_ITS_STATE: Errors = (
    of_redis.ClusterDownError,
    of_redis.MasterDownError,
    of_redis.NoPermissionError,
    of_redis.OutOfMemoryError,
    of_redis.ReadOnlyError,
    of_redis.TryAgainError,
)
WORDS_OF_ITS_STATE = ("BUSY ", "MISCONF ", "NOREPLICAS ", "OOM ", "READONLY ")  # a script's, before Redis 7, within


def passes(error: Exception) -> bool:
    """Whether an error of the results is one of a server that is away, or can't just now."""
    if isinstance(error, of_redis.ResponseError):
        return isinstance(error, OF_ITS_STATE) or any(word in str(error) for word in WORDS_OF_ITS_STATE)
    return isinstance(error, (OSError, of_redis.RedisError, *NOT_SENT)) and not isinstance(error, of_redis.DataError)
