"""The points at which a process of the crew can be killed, and the clock that can jump: names of files."""

BEFORE_COMMIT = "before-commit"
AFTER_COMMIT = "after-commit-before-publish"
AFTER_PUBLISH = "after-publish-before-mark"
BEFORE_ACK = "after-publish-before-ack"
AFTER_NOTICE = "after-notice-before-ack"
POINTS_OF_LEDGER_WORKERS = (BEFORE_COMMIT, AFTER_COMMIT, AFTER_PUBLISH, BEFORE_ACK)
HAND_OVER = "taken-from-redis-before-noted"
CLOCK = "clock"
# What a killed worker on Redis held comes back after so long: an hour elsewhere.
VISIBILITY_TIMEOUT_S = 10
