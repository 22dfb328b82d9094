// SPDX-License-Identifier: Apache-2.0
// What `fulgurite-engine doctor` finds, one line each.
#pragma once

#include <string>
#include <vector>

namespace fulgurite::app {

enum class Verdict { Good, Limited, Bad };

struct Finding {
    std::string subject; // stable, for scripts
    Verdict verdict = Verdict::Good;
    std::string text; // what was found, and what to do when something is missing
};

// The machine to ask about, where it is not this one.
struct ClusterQuestion {
    int gpus = 0;         // 0: those of this machine
    double gigabytes = 0; // of each, 10^9 bytes; 0: as this machine's
};

Finding openFiles();
// Driver, links and limits of this server, and whether the model fits. `model`: a folder with config.json, or that
// file. Throws Error when the configuration cannot be read.
std::vector<Finding> examineCluster(const std::string& model, const ClusterQuestion& question);

} // namespace fulgurite::app
