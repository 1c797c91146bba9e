"""Starts the bench over sockets."""

from bench.run import main

main()
