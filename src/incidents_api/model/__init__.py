"""What things are: records, claims, dates, codes and the catalogue of fields. Pure: no database, no web."""
