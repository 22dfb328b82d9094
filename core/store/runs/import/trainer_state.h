// SPDX-License-Identifier: Apache-2.0
// trainer_state.json of Hugging Face trainers: every checkpoint has the whole history so far in "log_history".
#pragma once

#include "core/store/runs/import/log_sink.h"

#include <optional>

namespace fulgurite {

class TrainerStateParser final : public LogParser {
  public:
    std::size_t parse(std::string_view bytes, bool end, LogSink& sink) override;
    bool isSnapshot() const override { return true; }
    std::string state() const override;
    void restore(const std::string& json) override;

  private:
    // What the last version of the file had: a longer one that agrees with it only adds rows.
    std::size_t rows_ = 0;
    std::int64_t last_step_ = 0;
};

} // namespace fulgurite
