// SPDX-License-Identifier: Apache-2.0
// What becomes of an answer on standard output: text for people, lines of JSON for programs.
#pragma once

#include "app/engine/answer_stream.h"
#include "core/text/tokenizer.h"

#include <cstdint>
#include <memory>
#include <string>

namespace fulgurite::app {

// Whether the stream is a terminal that wants colour.
bool isTerminal(std::FILE* stream);
// "12 tokens in 0.31 s (38.7 tokens/s)", prompt and reuse included.
std::string describe(const GenerationSummary& summary);
// "the end of the sentence", "max_tokens", ... in words; empty for an ordinary end.
std::string describeEarlyEnd(const GenerationSummary& summary);

// Text as it comes; on a terminal thinking is dimmed and slow prompts show their progress. Control characters of
// the model's are not passed on to a terminal.
class TextSink final : public AnswerSink {
  public:
    struct Options {
        bool hide_thinking = false;
    };
    explicit TextSink(Options options);
    ~TextSink() override;

    void prefill(const PrefillProgress& progress) override;
    void token(const StreamedToken& token) override;
    void finish(const GenerationSummary& summary, const std::string& rest) override;

  private:
    void print(Channel channel, const std::string& text);
    void setDim(bool dim);
    void clearProgress();

    Options options_;
    bool terminal_;
    bool dim_ = false;
    bool progress_shown_ = false;
    bool at_line_start_ = true;
    bool answer_begun_ = false;
    Channel last_channel_ = Channel::Answer;
};

// {"event":"start"|"prefill"|"token"|"done", ...}, one object a line.
class JsonSink final : public AnswerSink {
  public:
    JsonSink(std::shared_ptr<const Tokenizer> tokenizer, std::size_t prompt_tokens, std::uint64_t seed);

    void prefill(const PrefillProgress& progress) override;
    void token(const StreamedToken& token) override;
    void finish(const GenerationSummary& summary, const std::string& rest) override;

  private:
    std::shared_ptr<const Tokenizer> tokenizer_;
};

} // namespace fulgurite::app
