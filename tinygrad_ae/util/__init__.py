"""The ground: files written whole, threads, memory, page templates; nothing here knows a tensor."""
