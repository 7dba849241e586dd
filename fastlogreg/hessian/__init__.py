"""Second derivatives of an objective: objects that solve for a step."""

from fastlogreg.hessian.dense import DenseHessian
from fastlogreg.hessian.eliminated import EliminatedHessian, assemble
from fastlogreg.hessian.proximal import ProximalHessian

__all__ = [
    "DenseHessian",
    "EliminatedHessian",
    "ProximalHessian",
    "assemble",
]
