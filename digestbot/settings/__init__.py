"""The settings, declared and validated, and the secret file.

Nothing is read on import, and the environment is handed in. No secret is ever part of ``Settings``.
"""

from digestbot.settings.declared import Settings
from digestbot.settings.files import packaged
from digestbot.settings.reading import read_settings
from digestbot.settings.secret_file import Secrets, find_secrets, read_secrets, rotate_keys

__all__ = ["Secrets", "Settings", "find_secrets", "packaged", "read_secrets", "read_settings", "rotate_keys"]
