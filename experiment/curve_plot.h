#pragma once
#include <string>
#include <vector>

namespace uswim::experiment {

struct CurvePoint;

/// Accuracy over NWC and over programming time (relative to `all`), a line per policy with a band
/// of one standard deviation to either side, as a self-contained SVG.
std::string curve_svg(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                      double ideal_accuracy);

}  // namespace uswim::experiment
