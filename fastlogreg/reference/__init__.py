"""The plain NumPy path: the names and signatures of the whole passes in kernels.

It needs no compiler and no compiled code, so it is what small tables run on, and what
the kernels are held against.
"""
