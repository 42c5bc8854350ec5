"""What runs in the ops container, beside the database: a request in, progress and a result out."""
