// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine cascade WHAT`: text-image search by a cascade of encoders.
#include "app/engine/cascade.h"

namespace fulgurite::app {

void addCascade(CLI::App& app) {
    CLI::App* cascade = app.add_subcommand("cascade", "Search images by text with a cascade of CLIP encoders");
    cascade->require_subcommand(1);
    addCascadeBuild(*cascade);
    addCascadeQuery(*cascade);
    addCascadeLedger(*cascade);
    addCascadeSimulate(*cascade);
    addCascadeEval(*cascade);
    addCascadeEncode(*cascade);
}

} // namespace fulgurite::app
