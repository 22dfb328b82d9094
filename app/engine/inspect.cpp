// SPDX-License-Identifier: Apache-2.0
// `fulgurite-engine inspect WHAT`: the numbers of the Inspect page, for files and scripts.
#include "app/engine/inspect.h"

namespace fulgurite::app {

void addInspect(CLI::App& app) {
    CLI::App* inspect = app.add_subcommand("inspect", "Look inside: decay, heads, experts, captures");
    inspect->require_subcommand(1);
    addInspectAblate(*inspect);
    addInspectCompare(*inspect);
    addInspectDecay(*inspect);
    addInspectRow(*inspect);
    addInspectCapture(*inspect);
    addInspectHeads(*inspect);
    addInspectLens(*inspect);
    addInspectRouting(*inspect);
    addInspectMap(*inspect);
    addInspectCost(*inspect);
}

} // namespace fulgurite::app
