// SPDX-License-Identifier: Apache-2.0
// Any bytes as a log of a run. The first byte chooses the parser, the second how the rest is cut into pieces:
// whatever the pieces, the same records come out, and a parser that was saved and restored between two pieces says
// the same.
#include "core/base/error.h"
#include "core/store/runs/import/log_files.h"

#include <bit>
#include <cstdint>
#include <cstdlib>
#include <string>

namespace {

using namespace fulgurite;

// A digest of everything that was said, but for sentences.
class Digest final : public LogSink {
  public:
    void selectRun(std::string_view name) override { text(name); }
    void value(std::string_view name, std::int64_t step, double value) override {
        text(name);
        number(static_cast<std::uint64_t>(step));
        number(std::bit_cast<std::uint64_t>(value));
    }
    void mark(const StepMark& mark) override {
        number(static_cast<std::uint64_t>(mark.step));
        number(static_cast<std::uint64_t>(mark.wall_us.value_or(-1)));
    }
    void histogram(std::string_view name, std::int64_t step, std::vector<HistogramBucket> buckets) override {
        text(name);
        number(static_cast<std::uint64_t>(step));
        number(buckets.size());
    }
    void sample(RunSample sample) override {
        number(static_cast<std::uint64_t>(sample.step));
        text(sample.completion);
        number(sample.tokens.size());
    }
    void config(const std::string& json) override { text(json); }
    void rewind(std::int64_t step) override { number(static_cast<std::uint64_t>(step)); }
    void skipped(const std::string&) override { number(1); }

    std::uint64_t hash = 0xcbf29ce484222325ULL;

  private:
    void number(std::uint64_t value) { hash = (hash ^ value) * 0x100000001b3ULL; }
    void text(std::string_view value) {
        for (const char c : value)
            number(static_cast<unsigned char>(c));
        number(value.size());
    }
};

// Of our own runs the completions; their rows are JSON lines as any.
const char* nameOfLog(LogFormat format) {
    return format == LogFormat::OwnRun ? "rollouts.jsonl" : "fuzz";
}

std::uint64_t digestInPieces(LogFormat format, std::string_view bytes, std::size_t piece, bool restore) {
    Digest digest;
    auto parser = makeLogParser(format, nameOfLog(format));
    std::string buffer;
    for (std::size_t at = 0;; at += piece) {
        const bool end = at >= bytes.size();
        if (!end)
            buffer += bytes.substr(at, piece);
        const std::size_t consumed = parser->parse(buffer, end, digest);
        if (consumed > buffer.size())
            std::abort();
        buffer.erase(0, consumed);
        if (end)
            return digest.hash;
        if (restore) {
            const std::string state = parser->state();
            parser = makeLogParser(format, nameOfLog(format));
            parser->restore(state);
        }
    }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2)
        return 0;
    const auto format = static_cast<LogFormat>(data[0] % 6);
    const std::size_t piece = 1 + data[1];
    const std::string_view bytes(reinterpret_cast<const char*>(data + 2), size - 2);
    const std::uint64_t whole = digestInPieces(format, bytes, bytes.size() + 1, false);
    if (digestInPieces(format, bytes, piece, false) != whole)
        std::abort();
    // A state is text; what is no UTF-8 in a header or a tag is not kept bit by bit.
    digestInPieces(format, bytes, piece, true);
    return 0;
}
