"""``python -m digestbot`` is the same as the ``digestbot`` command."""

from digestbot.cli import main

if __name__ == "__main__":
    main()
