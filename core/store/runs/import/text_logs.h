// SPDX-License-Identifier: Apache-2.0
// Text logs of one row a line: JSON lines (verl's file logger, ms-swift, prime-rl, slime and whatever writes flat
// objects with a step) and verl's console.
#pragma once

#include "core/store/runs/import/line_parser.h"

namespace fulgurite {

class JsonLinesParser final : public LineParser {
  protected:
    void line(std::string_view text, bool whole, LogSink& sink) override;
};

// "step:12 - actor/pg_loss:-0.01 - ...", anywhere in a line; other lines are none of ours.
class ConsoleParser final : public LineParser {
  protected:
    void line(std::string_view text, bool whole, LogSink& sink) override;
};

} // namespace fulgurite
