"""Domain events: their envelope, their way through the outbox and RabbitMQ, and their consumption."""
