// SPDX-License-Identifier: Apache-2.0
// A conversation in the terminal: its messages, the commands that begin with a slash, and the answers.
#pragma once

#include "app/engine/interrupt.h"
#include "app/engine/local_engine.h"
#include "app/engine/sampler_options.h"

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace fulgurite::app {

struct ChatMessage {
    std::string role; // "user" or "assistant"
    std::string content;
    TokenIds tokens; // of an answer, exactly as sampled
};

class ChatSession {
  public:
    ChatSession(LocalEngine& local, SamplerOptions options, std::string system, bool hide_thinking,
                InterruptGuard& interrupts);

    // A message or a command. False: the person wants to leave. Throws Error; the conversation is as it was then.
    bool handle(const std::string& input);

  private:
    struct Command;
    static const std::vector<Command>& commands();

    bool runCommand(std::string_view line);
    void help() const;
    void say(const std::string& message);
    void answer();
    void regenerate();
    void undo();
    void set(const std::string& argument);
    void showStatus() const;
    void save(const std::string& path) const;
    void load(const std::string& path);
    TokenIds promptTokens() const;

    LocalEngine& local_;
    SamplerOptions options_;
    std::string system_;
    bool hide_thinking_;
    InterruptGuard& interrupts_;
    std::vector<ChatMessage> messages_;
    std::string last_figures_;
};

} // namespace fulgurite::app
