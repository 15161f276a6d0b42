#pragma once
#include <array>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "programmer/selection/selection.h"
#include "support/config_reader.h"

namespace uswim::experiment {

/// What an imported mask means. The authors' code writes 1 for weights that are *not* verified.
enum class MaskPolarity { OneIsVerified, ZeroIsVerified };
inline constexpr std::array<std::pair<std::string_view, MaskPolarity>, 2> kMaskPolarities{
    {{"one_is_verified", MaskPolarity::OneIsVerified},
     {"zero_is_verified", MaskPolarity::ZeroIsVerified}}};

/// The papers' algorithm: write-verify the next part of the ranking, measure the accuracy, until it
/// is within accuracy.drop of the ideal.
struct IterativeConfig {
  std::vector<programmer::SelectionPolicy> policies;  ///< none: it is not run
  double step = 0.05;
  std::size_t images = 1000;
};

/// What is taken for the curvature of the loss where devices are seen instead of weights.
/// ProgrammedFisher: mean squared gradient of an image at networks with programming errors.
enum class CurvatureMeasure { SecondDerivative, Fisher, ProgrammedFisher };
inline constexpr std::array<std::pair<std::string_view, CurvatureMeasure>, 3> kCurvatureMeasures{
    {{"second_derivative", CurvatureMeasure::SecondDerivative},
     {"fisher", CurvatureMeasure::Fisher},
     {"programmed_fisher", CurvatureMeasure::ProgrammedFisher}}};

struct CurvatureConfig {
  CurvatureMeasure measure = CurvatureMeasure::SecondDerivative;
  // For ProgrammedFisher.
  unsigned networks = 16;  ///< that are averaged
  double verified = 0.05;  ///< fraction of their weights that is write-verified, by `uswim`
};

struct SelectionConfig {
  std::vector<programmer::SelectionPolicy> policies{
      programmer::SelectionPolicy::Uswim, programmer::SelectionPolicy::Swim,
      programmer::SelectionPolicy::Magnitude, programmer::SelectionPolicy::Random};
  std::vector<double> fractions{0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1.0};
  unsigned verified_slices = 0;  ///< most significant ones that write-verify takes on; 0: all
  std::filesystem::path scores;  ///< .npy, one number per weight; for policy `imported`
  std::filesystem::path
      mask;  ///< .npy, one entry per weight; a mask of its own beside the policies
  std::optional<MaskPolarity> mask_polarity;
  unsigned hutchinson_probes = 8;  ///< per batch of images; for policy `hutchinson`
  CurvatureConfig curvature;
  IterativeConfig iterative;

  /// Whether a policy ranks weights for a mask or for the iterative algorithm.
  bool uses(programmer::SelectionPolicy policy) const;
};
SelectionConfig read_selection(support::ConfigReader in);

}  // namespace uswim::experiment
