// SPDX-License-Identifier: GPL-3.0-or-later
// Figures of the MiniMax-M1 report as overlays. The points were read from the published vector figures, so they
// carry the reading's error; every overlay says that it is from the paper, and of which task and model.
#pragma once

#include "ui/train/chart_scene.h"

#include <functional>

namespace fulgurite {

// For charts of held-out accuracy (shares) and of response length (tokens); empty for others. `figure`: 2 is CISPO,
// DAPO and GRPO on AIME 2024 with Qwen2.5-32B (±0.1 points), 4 is MiniMax-M1's own run (accuracy ±0.1, steps ±10,
// length ±50). `look_of` gives the look for a name, so that CISPO has the colour of the drawn CISPO runs.
std::vector<PaperLine> paperLines(const QString& chart, int figure,
                                  const std::function<int(const QString&)>& look_of);

} // namespace fulgurite
