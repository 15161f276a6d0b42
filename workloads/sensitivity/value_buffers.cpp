#include "workloads/sensitivity/value_buffers.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace uswim::workloads::layer_arithmetic {

ValueBuffers::ValueBuffers(const Network& network, const std::vector<Lifetime>& lifetimes,
                           const std::vector<std::size_t>& same_as)
    : slot_(lifetimes.size(), 0), elements_{0} {
  const std::size_t values = lifetimes.size();
  std::vector<std::size_t> owner(values);
  std::vector<Lifetime> life = lifetimes;
  for (std::size_t v = 0; v < values; ++v) {
    owner[v] = v;
    while (same_as[owner[v]] != owner[v]) owner[v] = same_as[owner[v]];
    life[owner[v]].first = std::min(life[owner[v]].first, lifetimes[v].first);
    life[owner[v]].last = std::max(life[owner[v]].last, lifetimes[v].last);
  }
  std::vector<std::size_t> order;
  for (std::size_t v = 0; v < values; ++v)
    if (owner[v] == v && life[v].first <= life[v].last) order.push_back(v);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return life[a].first < life[b].first; });
  // Slot 0 is empty. Of each slot the step of its last use.
  std::vector<std::size_t> free_after{std::numeric_limits<std::size_t>::max()};
  for (const std::size_t v : order) {
    const std::size_t size = network.shape_of(v).size();
    // The free buffer nearest in size, so that large ones stay for large values.
    std::size_t best = elements_.size();
    const auto misfit = [&](std::size_t s) {
      return elements_[s] > size ? elements_[s] - size : size - elements_[s];
    };
    for (std::size_t s = 0; s < elements_.size(); ++s)
      if (free_after[s] < life[v].first && (best == elements_.size() || misfit(s) < misfit(best)))
        best = s;
    if (best == elements_.size()) {
      elements_.push_back(0);
      free_after.push_back(0);
    }
    elements_[best] = std::max(elements_[best], size);
    free_after[best] = life[v].last;
    slot_[v] = best;
  }
  for (std::size_t v = 0; v < values; ++v) slot_[v] = slot_[owner[v]];
}

void ValueBuffers::allocate(std::size_t blocks) {
  storage_.clear();
  for (const std::size_t elements : elements_)
    storage_.emplace_back(blocks * elements * kLanes, 0.0f);
}

std::size_t ValueBuffers::elements() const {
  return std::accumulate(elements_.begin(), elements_.end(), std::size_t{0});
}

}  // namespace uswim::workloads::layer_arithmetic
