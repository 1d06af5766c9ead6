"""The numbers and names that the common test conditions fix."""

from __future__ import annotations

TARGET_BPPS = (0.03, 0.06, 0.12, 0.25, 0.50, 0.75, 1.00, 1.50, 2.00)
"""All target rates of the common test conditions."""


BD_TARGET_BPPS = (0.06, 0.12, 0.25, 0.50, 0.75)
"""The five target rates over which the BD-rates of the common test conditions are computed; the default."""


CTC_ANCHOR = "vvc-vtm"
STAND_IN_ANCHOR = "vvc-vvenc"
"""Of the codecs here: the anchor of the common test conditions, and what stands in for it."""

AVG_METRICS = ("msssim", "vif", "fsim", "nlpd", "iwssim", "vmaf", "psnr_hvs")
"""The seven metrics whose BD-rates are averaged to AVG, in the column order of the VM4 tables."""


ALL = "ALL"
"""In place of a picture's name: the mean over pictures."""


AVG = "AVG"
"""In place of a metric's name: the mean of `AVG_METRICS`."""


METRIC_ORDER = (
    "msssim", "msssim_iqa", "iwssim", "vmaf", "vif", "fsim", "nlpd", "psnr_hvs_m", "psnr_hvs", "psnr_y", "psnr_u", "psnr_v",
    "vmaf_neg", "ciede2000", "pu21_psnr", "pu21_psnr_y", "pu21_msssim", "delta_e_itp", "wpsnr_y", "wpsnr_u", "wpsnr_v",
)  # fmt: skip
"""Column order of the metrics in every table; a metric that is not named here follows in order of name."""
