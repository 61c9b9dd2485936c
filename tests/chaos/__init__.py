"""Chaos: a seeded mix of messages is sent to the running service while all round it is broken; then it is judged.

The tally knows what was sent and what must have become of it, and nothing of the service's code: it is the
judge's only measure. `make chaos SEED=… MINUTES=… BROKER=rabbitmq|redis` runs it; a part of it is among the tests.

    mix, tally, letter    what is sent, and what must become of it
    sender                sends it, until the broker has confirmed it
    stage, crew           private servers, and the service's processes, started again whenever they end
    worker                how a process of the crew starts: with points at which it can be killed, and a clock to jump
    faults                what is broken, each with how it is mended
    judge, listening      what became of it, against the tally
    run                   one run from start to verdict
"""
