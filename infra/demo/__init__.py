"""The launch day, 27 August 2020, played on the running product through GraphQL only."""
