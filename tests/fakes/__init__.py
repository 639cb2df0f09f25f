"""Services that speak their real formats over real sockets, with faults switched on per request."""
