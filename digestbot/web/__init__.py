"""The pages behind the links of a mail. GET asks, POST records."""
