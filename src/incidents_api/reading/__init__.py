"""All ways out: a query in, a statement out. Pure: nothing here talks to a database."""
