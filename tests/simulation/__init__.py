"""The whole daemon in one thread: real logic on a virtual clock, a virtual disk and a virtual network."""
