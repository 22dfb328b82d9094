// SPDX-License-Identifier: Apache-2.0
// The options that say what is taken out of the model: --heads, --experts, --layers, --recipe and their company.
#pragma once

#include "core/base/intervention.h"

#include <CLI/CLI.hpp>

#include <string>
#include <vector>

namespace fulgurite::app {

class InterventionOptions {
  public:
    void addTo(CLI::App& command);
    // What all options together ask for; `from` is that of --from, or else the recipe's. Throws
    // Error{InvalidInput | Io}. Whether the model has these parts is checkIntervention's to say.
    InterventionRecipe recipe() const;
    // The same for a text whose answer begins at token `answer`. Throws Error{InvalidInput} when it would begin
    // after the text.
    Intervention forText(std::size_t answer, std::size_t tokens) const;

    static constexpr const char* kFooter =
        "Heads, experts and layers are lists such as 7:0,7:3 (layer 7, heads 0 and 3); a head may carry a factor\n"
        "(7:3=0.5), a layer a part (5:attention, 5:experts). A recipe is the JSON object that the chat endpoint "
        "takes\n"
        "as \"intervention\".\n";

  private:
    std::vector<std::string> heads_;
    std::vector<std::string> experts_;
    std::vector<std::string> layers_;
    std::string recipe_;
    bool renormalise_ = false;
    CLI::Option* from_given_ = nullptr;
    std::size_t from_ = 0;
};

} // namespace fulgurite::app
