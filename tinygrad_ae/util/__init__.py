"""The ground: what knows no tensor.

``files`` are whole or not there, or locked; ``threads`` limits those of matrix products; ``malloc``
is how the C library keeps memory; ``overlap`` finds arrays that share memory; ``colours`` are those
of signs; ``random`` holds the generator that everything draws from; ``template`` assembles pages
that are one file; ``text`` makes harmless what somebody else wrote; ``columns`` lines up what is
printed; ``pixels`` sets pictures into one; ``startup`` ends the command if it is interrupted while
it is still loading.
"""
