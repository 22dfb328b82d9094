// SPDX-License-Identifier: Apache-2.0
// Logs of one record a line.
#pragma once

#include "core/store/runs/import/log_sink.h"

namespace fulgurite {

class LineParser : public LogParser {
  public:
    std::size_t parse(std::string_view bytes, bool end, LogSink& sink) final;
    std::string state() const final;
    void restore(const std::string& json) final;

  protected:
    // A line without its end. `whole` is false for the last one of a file that may still grow; what cannot be read
    // of that is no damage.
    virtual void line(std::string_view text, bool whole, LogSink& sink) = 0;
    // For state() of what derives: members of one JSON object, empty or beginning with a comma.
    virtual std::string ownState() const { return ""; }
    virtual void restoreOwn(const std::string& json) { (void)json; }

    // Of the line that is being read, from 1.
    std::int64_t lineNumber() const { return lines_ + 1; }

  private:
    std::int64_t lines_ = 0; // behind us
    bool skipping_ = false;  // the rest of one that is too long
};

} // namespace fulgurite
