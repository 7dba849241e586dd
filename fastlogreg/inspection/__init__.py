"""Pictures of a fit.  matplotlib is loaded when one is drawn, and not before."""

from fastlogreg.inspection.plots import (
    plot_decision_boundary,
    plot_loss,
    require_matplotlib,
    save_loss_curve,
)

__all__ = ["plot_decision_boundary", "plot_loss", "require_matplotlib", "save_loss_curve"]
