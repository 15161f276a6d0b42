#include "programmer/selection/selection.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>

#include "support/falling_order.h"
#include "support/random.h"

namespace uswim::programmer {

std::string_view name_of(SelectionPolicy policy) {
  for (const auto& [name, value] : kSelectionPolicies)
    if (value == policy) return name;
  throw std::logic_error("a selection policy without a name");
}

namespace {

void check_measure(SelectionPolicy policy, const std::vector<float>& measure,
                   const WeightFacts& facts) {
  if (measure.size() != facts.weights())
    throw std::invalid_argument("policy '" + std::string(name_of(policy)) +
                                "' needs its measure of every weight");
}

std::vector<double> times_variance(SelectionPolicy policy, const std::vector<float>& measure,
                                   const WeightFacts& facts) {
  check_measure(policy, measure, facts);
  std::vector<double> score(measure.size());
  for (std::size_t i = 0; i < measure.size(); ++i)
    score[i] = static_cast<double>(measure[i]) * facts.open_loop_variance[i];
  return score;
}

}  // namespace

std::vector<double> scores(SelectionPolicy policy, const WeightFacts& facts, std::uint64_t seed,
                           std::uint32_t chip) {
  const std::size_t n = facts.weights();
  std::vector<double> score(n, 0.0);
  switch (policy) {
    case SelectionPolicy::Uswim:
      return times_variance(policy, facts.second_derivative, facts);
    case SelectionPolicy::Hutchinson:
      return times_variance(policy, facts.hessian_diagonal, facts);
    case SelectionPolicy::Fisher:
      return times_variance(policy, facts.fisher, facts);
    case SelectionPolicy::Gradient:
      check_measure(policy, facts.gradient, facts);
      for (std::size_t i = 0; i < n; ++i)
        score[i] = std::abs(static_cast<double>(facts.gradient[i])) *
                   std::sqrt(static_cast<double>(facts.open_loop_variance[i]));
      break;
    case SelectionPolicy::Swim:
      for (std::size_t i = 0; i < n; ++i)
        score[i] =
            static_cast<double>(facts.second_derivative[i]) * facts.scale[i] * facts.scale[i];
      break;
    case SelectionPolicy::Magnitude:
      for (std::size_t i = 0; i < n; ++i) score[i] = facts.magnitude[i];
      break;
    case SelectionPolicy::Random:
      for (std::size_t i = 0; i < n; ++i)
        score[i] = static_cast<double>(
            support::uniform_word({seed, chip, support::Stream::RandomPolicy}, i) >> 11);
      break;
    case SelectionPolicy::Imported:
      if (facts.imported.size() != n)
        throw std::invalid_argument("policy 'imported' needs one imported score per weight");
      for (std::size_t i = 0; i < n; ++i) score[i] = facts.imported[i];
      break;
    case SelectionPolicy::All:
    case SelectionPolicy::None:
      break;
    case SelectionPolicy::WorthPerCycle:
    case SelectionPolicy::RowTime:
      throw std::invalid_argument("policy '" + std::string(name_of(policy)) +
                                  "' chooses devices and scores no weights");
  }
  return score;
}

std::vector<std::uint32_t> ranking(const std::vector<double>& scores, const WeightFacts& facts) {
  return support::falling_order(scores, facts.magnitude);
}

SelectionMask select_fraction(const std::vector<std::uint32_t>& ranking, double fraction) {
  if (!(fraction >= 0.0 && fraction <= 1.0))
    throw std::invalid_argument("a verified fraction must lie in [0, 1]");
  SelectionMask mask(ranking.size(), 0);
  const auto selected =
      static_cast<std::size_t>(std::llround(fraction * static_cast<double>(ranking.size())));
  for (std::size_t i = 0; i < selected; ++i) mask[ranking[i]] = 1;
  return mask;
}

}  // namespace uswim::programmer
