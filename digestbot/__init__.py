"""A self-hosted bot that mails every subscriber the few new papers most likely to matter to them."""

__version__ = "0.1.0"
