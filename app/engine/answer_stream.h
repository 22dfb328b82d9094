// SPDX-License-Identifier: Apache-2.0
// Brings a generation from the engine's thread to the command's: terminals and pipes may be slow, the engine's
// thread may not.
#pragma once

#include "app/engine/interrupt.h"
#include "core/base/thinking.h"
#include "core/generate/engine.h"

#include <string>

namespace fulgurite::app {

// One token on its way to the person.
struct StreamedToken {
    TokenRecord record;
    std::string text;
    Channel channel = Channel::Answer;
};

// Called on the command's thread.
class AnswerSink {
  public:
    virtual ~AnswerSink() = default;
    virtual void prefill(const PrefillProgress&) {}
    virtual void token(const StreamedToken& token) = 0;
    virtual void finish(const GenerationSummary& summary, const std::string& rest) = 0;
};

// Runs one generation to its end; Ctrl+C ends it early, with reason Cancelled. `splitter`: how the answer begins,
// see ThinkingSplitter::resume. Throws what the engine reports.
GenerationSummary streamAnswer(Engine& engine, const GenerateRequest& request, ThinkingSplitter splitter,
                               AnswerSink& sink, InterruptGuard& interrupts);

} // namespace fulgurite::app
