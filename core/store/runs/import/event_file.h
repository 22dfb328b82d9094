// SPDX-License-Identifier: Apache-2.0
// TensorBoard event files: TFRecord framing around protocol-buffer events. Scalars in all the forms that writers
// use, histograms old and new, hyper-parameters; pictures, sound and text are passed over. A record whose payload
// fails its checksum is skipped; where the framing itself is damaged the next place with a valid header is looked
// for.
#pragma once

#include "core/store/runs/import/log_sink.h"

#include <map>
#include <optional>

namespace fulgurite {

class EventFileParser final : public LogParser {
  public:
    std::size_t parse(std::string_view bytes, bool end, LogSink& sink) override;
    std::string state() const override;
    void restore(const std::string& json) override;

  private:
    struct Value;

    std::size_t resynchronise(std::string_view bytes, std::size_t at);
    void event(std::string_view payload, LogSink& sink);
    void summary(std::string_view bytes, std::int64_t step, LogSink& sink);
    void value(std::string_view bytes, std::int64_t step, LogSink& sink);
    void put(const Value& value, std::int64_t step, LogSink& sink);
    void putScalar(std::string_view tag, std::int64_t step, double value, LogSink& sink);
    void putHistogram(std::string_view tag, std::int64_t step, std::vector<HistogramBucket> buckets, LogSink& sink);
    void mark(std::int64_t step, LogSink& sink);
    const std::string& pluginOf(const Value& value);

    std::map<std::string, std::string, std::less<>> plugins_; // by tag: only a tag's first value may name it
    std::uint64_t to_skip_ = 0;                               // bytes of a record that is too long
    bool lost_ = false;                                       // looking for the next header
    std::optional<std::int64_t> marked_;                      // the last step whose time was told
    std::optional<Microseconds> wall_us_;                     // of the event that is being read
};

} // namespace fulgurite
