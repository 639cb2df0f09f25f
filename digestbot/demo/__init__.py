"""The demo: sample papers, three readers, a mail server that catches what is sent, and an inbox to read it in."""
