"""The local stack: PostgreSQL, Kafka and the product's processes on one machine, under one supervisor."""
