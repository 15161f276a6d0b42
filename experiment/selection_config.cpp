#include "experiment/selection_config.h"

#include <algorithm>

namespace uswim::experiment {

using support::ConfigReader;

SelectionConfig read_selection(ConfigReader in) {
  SelectionConfig c;
  in.words("policies", c.policies, programmer::kSelectionPolicies,
           {"how weights are ranked; each runs at every fraction"});
  in.numbers("fractions", c.fractions, support::closed(0, 1),
             {"fractions of the weights that are write-verified"});
  in.whole("verified_slices", c.verified_slices, support::closed(0, 8),
           {"of a selected weight only as many slices, the most significant ones, are "
            "write-verified, the others written open loop; 0: all"});
  in.path("scores", c.scores,
          {"for policy 'imported': .npy of float32, one score per weight, larger first"});
  in.path("mask", c.mask,
          {"a mask of its own, run beside the policies as 'imported_mask': .npy of bool or uint8, "
           "one entry per weight, or per cell [array][row][column] as in selected_devices.npy"});
  // Polarity is stated, never assumed: the authors' masks and ours mean opposite things.
  MaskPolarity polarity = MaskPolarity::OneIsVerified;
  const bool stated = in.has("mask_polarity");
  in.word("mask_polarity", polarity, kMaskPolarities,
          {"what 1 means in 'mask', to be stated with it: the authors' code writes 1 for weights "
           "that are not verified"});
  if (stated) c.mask_polarity = polarity;
  in.check(c.mask.empty() || stated, "mask", "an imported mask must state its 'mask_polarity'");
  in.whole("hutchinson_probes", c.hutchinson_probes, support::closed(1, 10000),
           {"for policy 'hutchinson': random directions per batch of images in which the second "
            "derivative is probed",
            "unconfirmed"});
  auto curvature = in.section(
      "curvature", {"how the loss depends on a weight, for policies 'worth_per_cycle' and "
                    "'row_time' and the orders of 'mapping'"});
  curvature.word(
      "measure", c.curvature.measure, kCurvatureMeasures,
      {"second_derivative: by the recursion, as for policy 'uswim'; fisher: mean squared "
       "gradient of an image; programmed_fisher: the same at networks with programming "
       "errors, where images count that the trained network is sure of"});
  curvature.whole("networks", c.curvature.networks, support::closed(1, 1000),
                  {"for 'programmed_fisher': programmed networks that are averaged; they belong to "
                   "no chip of the run",
                   "unconfirmed"});
  curvature.number("verified", c.curvature.verified, support::closed(0, 1),
                   {"for 'programmed_fisher': fraction of their weights that is write-verified, by "
                    "policy 'uswim'",
                    "unconfirmed: the best of 0.05, 0.1 and 0.15 on LeNet with R4"});
  auto iterative = in.section(
      "iterative",
      {"the papers' algorithm: program open loop, then verify the next part of the ranking and "
       "measure the accuracy on the chip, until it is within accuracy.drop of the ideal"});
  iterative.words("policies", c.iterative.policies, programmer::kSelectionPolicies,
                  {"whose rankings it follows; none: it is not run"});
  iterative.check(std::none_of(c.iterative.policies.begin(), c.iterative.policies.end(),
                               [](programmer::SelectionPolicy p) {
                                 return p == programmer::SelectionPolicy::All ||
                                        p == programmer::SelectionPolicy::None;
                               }),
                  "policies", "'all' and 'none' rank nothing");
  iterative.number("step", c.iterative.step, support::left_open(0, 1),
                   {"fraction that is verified between two measurements", "unconfirmed: 0.05"});
  iterative.whole(
      "images", c.iterative.images, support::closed(1, 1000000),
      {"test images of a measurement, the first ones; all where there are fewer", "unconfirmed"});
  in.check(!c.uses(programmer::SelectionPolicy::Imported) || !c.scores.empty(), "policies",
           "policy 'imported' needs 'scores'");
  in.check(c.scores.empty() || c.uses(programmer::SelectionPolicy::Imported), "scores",
           "needs policy 'imported'");
  in.check(!c.policies.empty(), "policies", "needs at least one policy");
  in.check(!c.fractions.empty(), "fractions", "needs at least one fraction");
  std::vector<double> ascending = c.fractions;
  std::sort(ascending.begin(), ascending.end());
  in.check(std::adjacent_find(ascending.begin(), ascending.end()) == ascending.end(), "fractions",
           "names a fraction twice");
  return c;
}

bool SelectionConfig::uses(programmer::SelectionPolicy policy) const {
  for (const auto* list : {&policies, &iterative.policies})
    if (std::find(list->begin(), list->end(), policy) != list->end()) return true;
  return false;
}

}  // namespace uswim::experiment
