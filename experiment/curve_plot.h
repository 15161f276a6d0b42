#pragma once
#include <string>
#include <vector>

namespace uswim::experiment {

struct CurvePoint;
struct InSituSummary;

/// Accuracy over NWC and over programming time (relative to `all`), a line per policy with a band
/// of one standard deviation to either side, as a self-contained SVG.
std::string curve_svg(const std::vector<CurvePoint>& curve, const CurvePoint& all,
                      double ideal_accuracy);

/// The same over time and energy on logarithmic axes, with one line more for in-situ training,
/// whose points are its iterations and which costs orders of magnitude more. Without the diagram of
/// a cost that is not above 0 everywhere, empty where there is none.
std::string in_situ_svg(const std::vector<CurvePoint>& curve,
                        const std::vector<InSituSummary>& in_situ, double ideal_accuracy);

}  // namespace uswim::experiment
