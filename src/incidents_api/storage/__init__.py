"""How things are kept: tables, the database with its read and write faces, and what differs between engines."""
