"""Reading a lane of the log from Kafka, with nothing left out in silence; streams/analyst.py is the way in."""
