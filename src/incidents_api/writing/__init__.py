"""The one door in: every write appends revisions to the log and updates the query tables in the same transaction."""
