// SPDX-License-Identifier: Apache-2.0
// One name for the same quantity, whoever logged it: the metric names of TRL, ms-swift, verl, OpenRLHF, slime,
// ROLL, SkyRL and prime-rl, and the canonical ones that charts are arranged by. The raw name stays beside the
// canonical one.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace fulgurite {

struct CanonicalMetric {
    const char* name; // "rollout.reward_mean"
    const char* unit; // "tokens", "nats/token", "s"; empty: a plain number
    const char* rule; // what is counted, where programs differ; may be empty
};

// In the order in which charts stand.
std::span<const CanonicalMetric> canonicalMetrics();
// Null for a name that is not canonical.
const CanonicalMetric* canonicalMetric(std::string_view name);

struct MetricMeaning {
    std::string canonical;       // empty: unknown
    const char* definition = ""; // what this program's series says that another one's of the same name does not
};

// A leading "train/" does not count; canonical names mean themselves; eval and validation names become
// "eval.<set>.<rest>".
MetricMeaning meaningOfMetric(std::string_view raw);

} // namespace fulgurite
