"""Walls around a process that runs what somebody else wrote: bubblewrap, namespaces, limits, a filter of system calls."""
